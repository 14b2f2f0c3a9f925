"use strict";
// What is visible, laid out by dagre.

const LINE = 15;
const CHARACTER = 6.7;

function boxText(model, box) {
  const one = box.group === undefined ? model.nodes[box.node] : model.groups[box.group];
  const lines = [(box.group === undefined ? "" : "▸ ") + short(one.n || "", 34)];
  if (box.group !== undefined) {
    const calls = plural(model.inside[box.group], "call");
    if (one.k === "stack") lines.push(`× ${number(one.x)} · ${calls}`);
    else if (one.k === "part" || one.k === "block") lines.push(`${one.k} of ${calls}`);
    else lines.push(`${short(one.c || "", 24)} · ${calls}`);
  } else {
    lines.push(short(one.c, 38));
  }
  const last = [short(one.s || "", 34), one.p ? `${compact(one.p)} par.` : ""].filter(Boolean).join(" · ");
  if (last) lines.push(last);
  return lines;
}

function boxMarks(model, box) {
  if (box.group === undefined) return model.nodes[box.node].m || [];
  const all = new Set();
  for (const node of nodesIn(model, box.group)) for (const mark of model.nodes[node].m || []) if (mark !== "output") all.add(mark);
  return [...all];
}

function visibleBoxes(model, open) {
  const folded = standIns(model, open);
  const boxes = [];
  const boxOf = new Map();
  const add = (key, box) => {
    if (!boxOf.has(key)) {
      boxOf.set(key, boxes.length);
      boxes.push(box);
    }
    return boxOf.get(key);
  };
  const place = model.nodes.map((node, index) =>
    folded[node.g] >= 0 ? add(`g${folded[node.g]}`, { group: folded[node.g] }) : add(`n${index}`, { node: index }));
  const merged = new Map();
  for (const edge of model.edges) {
    const [source, target] = [place[edge[0]], place[edge[1]]];
    if (source === target) continue;
    const key = `${source} ${target} ${edge[3] || 0}`;
    const known = merged.get(key);
    if (known) known.count += 1;
    else merged.set(key, { source, target, mask: edge[3] === 1, text: model.texts[edge[2]], count: 1 });
  }
  return { boxes, place, links: [...merged.values()], folded };
}

function layout(model, open) {
  const view = visibleBoxes(model, open);
  const graph = new dagre.graphlib.Graph({ compound: true, multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 16, ranksep: 30, edgesep: 8, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  const frames = model.groups.map((group, index) => index).filter((index) =>
    index > 0 && open.has(index) && view.folded[index] < 0 && model.children[index].length);
  for (const index of frames) graph.setNode(`g${index}`, {});
  view.boxes.forEach((box, index) => {
    box.lines = boxText(model, box);
    box.marks = boxMarks(model, box);
    const one = box.group === undefined ? model.nodes[box.node] : model.groups[box.group];
    box.tie = one.t;
    const longest = Math.max(...box.lines.map((line) => line.length), box.marks.join("  ").length + 4, 8);
    box.width = Math.min(300, longest * CHARACTER + (one.t === undefined ? 26 : 62));
    box.height = (box.lines.length + (box.marks.length ? 1 : 0)) * LINE + 12;
    graph.setNode(`b${index}`, { width: box.width, height: box.height });
    const holder = box.group === undefined ? model.nodes[box.node].g : model.groups[box.group].g;
    if (holder > 0) graph.setParent(`b${index}`, `g${holder}`);
  });
  for (const index of frames) if (model.groups[index].g > 0) graph.setParent(`g${index}`, `g${model.groups[index].g}`);
  view.links.forEach((link, index) => {
    if (!link.mask || !view.links.some((one) => one.source === link.source && one.target === link.target && !one.mask)) {
      graph.setEdge(`b${link.source}`, `b${link.target}`, { number: index }, `e${index}`);
    }
  });
  dagre.layout(graph);
  view.boxes.forEach((box, index) => Object.assign(box, position(graph.node(`b${index}`))));
  for (const edge of graph.edges()) {
    const label = graph.edge(edge);
    view.links[label.number].points = label.points.map(position);
  }
  for (const link of view.links) {
    if (!link.points) {
      const [from, to] = [view.boxes[link.source], view.boxes[link.target]];
      link.points = [{ x: from.x + 8, y: from.y + from.height / 2 }, { x: to.x + 8, y: to.y - to.height / 2 }];
    }
  }
  view.frames = frames.map((index) => ({ group: index, ...graph.node(`g${index}`) }));
  const { width, height } = graph.graph();
  return { ...view, width: width || 10, height: height || 10 };
}

const position = ({ x, y }) => ({ x: Math.round(x * 10) / 10, y: Math.round(y * 10) / 10 });
