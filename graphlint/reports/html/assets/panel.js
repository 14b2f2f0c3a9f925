"use strict";
// What is known of the box that is selected.

function bars(heights) {
  const picture = svg("svg", { class: "bars", width: 112, height: 28, viewBox: "0 0 112 28", "aria-label": "histogram", role: "img" });
  [...heights].forEach((height, index) => {
    const tall = Math.round((parseInt(height, 36) * 26) / 35);
    picture.append(svg("rect", { x: index * 7, y: 28 - tall, width: 6, height: tall }));
  });
  return picture;
}

function statistics(found) {
  if (!found) return ["numbers not known"];
  const parts = [];
  for (const key of ["min", "mean", "max", "std"]) if (found[key] !== undefined) parts.push(`${key} ${found[key]}`);
  if (found.zeros) parts.push(`${(found.zeros * 100).toFixed(1)}% zeros`);
  const warnings = [];
  if (found.nan) warnings.push(`${number(found.nan)} NaN`);
  if (found.inf) warnings.push(`${number(found.inf)} infinite`);
  return [found.bars ? bars(found.bars) : null, el("span", {}, parts.join(" · ")), warnings.length ? el("b", { class: "bad" }, ` ${warnings.join(" · ")}`) : null];
}

function variableRows(layer) {
  return (layer.v || []).map((variable) => {
    const size = variable.d.reduce((product, one) => product * one, 1);
    const notes = [variable.f ? "not trainable" : "trainable", variable.u ? "reaches no output" : null, variable.h ? `held by ${variable.h.join(", ")}` : null];
    return el("div", { class: "variable" },
      el("p", {}, el("b", {}, variable.s), ` (${variable.d.join(", ")}) ${variable.t} · ${number(size)} · ${notes.filter(Boolean).join(" · ")}`),
      variable.n || DATA.numbers ? el("p", { class: "numbers" }, statistics(variable.n)) : null,
      (variable.o || []).map(([slot, found]) => el("p", { class: "numbers" }, `optimizer: ${slot} `, statistics(found))));
  });
}

function layerDetails(model, layer) {
  const config = layer.g === undefined ? [] : model.configs[layer.g];
  const facts = [["class", layer.c], ["module", layer.module], ["dtype policy", layer.policy], ["trainable", layer.fixed ? "no" : null],
    ["also known as", layer.aliases?.join(", ")], ["not opened because", layer.because]].filter(([, value]) => value);
  const parts = [table(null, facts, "layer")];
  if (config.length) {
    const rows = config.map(([key, value, differs]) => [key, value, differs ? "set" : "default"]);
    const changed = rows.filter((row) => row[2] === "set").map((row) => row.slice(0, 2));
    const rest = rows.filter((row) => row[2] === "default").map((row) => row.slice(0, 2));
    parts.push(el("h3", {}, "Configuration"), changed.length ? table(null, changed, "settings that differ from the defaults") : el("p", {}, "All settings are the defaults."));
    if (rest.length) parts.push(el("details", {}, el("summary", {}, plural(rest.length, "default")), table(null, rest, "settings that are the defaults")));
  }
  const variables = variableRows(layer);
  if (variables.length) parts.push(el("h3", {}, "Variables"), variables);
  for (const inner of layer.in || []) parts.push(el("details", {}, el("summary", {}, `${model.layers[inner].p} (${model.layers[inner].c})`), layerDetails(model, model.layers[inner])));
  return parts;
}

function selection(model, target, show) {
  const one = target.node === undefined ? model.groups[target.group] : model.nodes[target.node];
  const content = el("div", { class: "selection" });
  const marks = one.m || [];
  const link = (other) => el("button", { type: "button", class: "link", onclick: () => show(other) }, (other.node === undefined ? model.groups[other.group] : model.nodes[other.node]).a || "");
  const near = (nodes) => {
    const listed = [...new Set(nodes)].slice(0, 8);
    return [listed.map((node) => [link({ node }), " "]), nodes.length > 8 ? `and ${nodes.length - 8} more` : ""];
  };
  content.append(el("h2", {}, one.n || ""), el("p", { class: "minor" }, one.a || one.k, one.a && one.a !== one.n ? copyButton(one.a) : null));
  const rows = [];
  if (one.c) rows.push(["what", one.c]);
  if (one.s) rows.push(["output", one.s]);
  if (one.p) rows.push(["parameters", number(one.p)]);
  if (target.node !== undefined) {
    if (model.sources[target.node].length) rows.push(["receives", near(model.sources[target.node])]);
    if (model.targets[target.node].length) rows.push(["feeds", near(model.targets[target.node])]);
  } else {
    rows.push(["holds", plural(model.inside[target.group], "call")]);
    if (one.k === "stack") rows.push(["stacked", `${number(one.x)} blocks with equal settings and wiring`]);
  }
  for (const mark of marks) rows.push([mark, DATA.marks[mark] || ""]);
  if (one.t !== undefined) {
    const others = [...model.nodes.map((node, index) => [node, { node: index }]), ...model.groups.map((group, index) => [group, { group: index }])]
      .filter(([other]) => other.t === one.t && other !== one).map(([, place]) => place);
    rows.push([`shared ${one.t + 1}`, [others.slice(0, 12).map((other) => [link(other), " "]), others.length > 12 ? `and ${others.length - 12} more` : ""]]);
  }
  content.append(table(null, rows, "selected box"));
  const findings = target.node === undefined ? [...model.below[target.group]] : model.found.nodes[target.node];
  if (findings.length) {
    content.append(el("h3", {}, plural(findings.length, WHAT)));
    for (const index of findings.slice(0, 20)) {
      const finding = model.findings[index];
      content.append(el("p", {}, severityTag(finding.severity), ` ${titleOf(finding)}${titleOf(finding) && ": "}${finding.message}`));
    }
  }
  if (one.l !== undefined) content.append(...layerDetails(model, model.layers[one.l]).filter(Boolean).flat());
  return content;
}

function copyButton(text) {
  const button = el("button", { type: "button", class: "small", onclick: async () => {
    try { await navigator.clipboard.writeText(text); button.textContent = "copied"; } catch { button.textContent = "not allowed here"; }
  } }, "copy");
  return button;
}
