"use strict";
// What the graph is: nodes, groups and edges, and what is found on them.

function makeModel(picture) {
  const { nodes, groups, edges, texts } = picture.canvas;
  const count = nodes.length;
  const sources = Array.from({ length: count }, () => []);
  const targets = Array.from({ length: count }, () => []);
  for (const edge of edges) {
    sources[edge[1]].push(edge[0]);
    targets[edge[0]].push(edge[1]);
  }
  const children = groups.map(() => []);
  const inside = groups.map(() => 0);
  groups.forEach((group, index) => { if (group.g >= 0) children[group.g].push({ group: index }); });
  nodes.forEach((node, index) => children[node.g].push({ node: index }));
  for (const node of nodes) {
    for (let group = node.g; group >= 0; group = groups[group].g) inside[group] += 1;
  }
  const found = { nodes: nodes.map(() => []), groups: groups.map(() => []) };
  picture.findings.forEach((finding, index) => {
    for (const node of finding.nodes || []) found.nodes[node].push(index);
    for (const group of finding.groups || []) found.groups[group].push(index);
  });
  const below = groups.map((_, index) => new Set(found.groups[index]));
  nodes.forEach((node, index) => {
    for (let group = node.g; group >= 0; group = groups[group].g) {
      for (const finding of found.nodes[index]) below[group].add(finding);
    }
  });
  for (let index = groups.length - 1; index > 0; index -= 1) {
    for (const finding of below[index]) below[groups[index].g].add(finding);
  }
  const address = new Map();
  groups.forEach((group, index) => { if (group.a !== undefined && index > 0) address.set(group.a, { group: index }); });
  nodes.forEach((node, index) => address.set(node.a, { node: index }));
  return { ...picture, nodes, groups, edges, texts, sources, targets, children, inside, found, below, address };
}

// Groups open at first: nested models and bodies, in order, as long as few enough boxes are seen. Stacks stay folded.
function firstOpen(model, most) {
  const open = new Set([0]);
  let seen = model.children[0].length;
  const waiting = model.children[0].filter((one) => one.group !== undefined).map((one) => one.group);
  waiting.sort((one, other) => model.children[one].length - model.children[other].length);
  while (waiting.length) {
    const group = waiting.shift();
    const more = model.children[group].length - 1;
    if (!["model", "code"].includes(model.groups[group].k) || seen + more > most) continue;
    open.add(group);
    seen += more;
    waiting.push(...model.children[group].filter((one) => one.group !== undefined).map((one) => one.group));
  }
  return open;
}

// Which box stands for each node: itself, or the outermost folded group around it.
function standIns(model, open) {
  const folded = model.groups.map(() => -1);
  model.groups.forEach((group, index) => {
    const outer = group.g >= 0 ? folded[group.g] : -1;
    folded[index] = outer >= 0 ? outer : open.has(index) ? -1 : index;
  });
  return folded;
}

function reach(starts, adjacent) {
  const seen = new Set(starts);
  const stack = [...starts];
  while (stack.length) {
    for (const next of adjacent[stack.pop()]) {
      if (!seen.has(next)) {
        seen.add(next);
        stack.push(next);
      }
    }
  }
  return seen;
}

function nodesIn(model, group) {
  const found = [];
  const stack = [group];
  while (stack.length) {
    for (const child of model.children[stack.pop()]) {
      if (child.node !== undefined) found.push(child.node);
      else stack.push(child.group);
    }
  }
  return found;
}

function worst(model, findings) {
  for (const severity of SEVERITIES) {
    if (findings.some((index) => model.findings[index].severity === severity)) return severity;
  }
  return null;
}
