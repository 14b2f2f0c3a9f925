"use strict";
// The canvas: boxes, frames and links as SVG, with panning, zooming, folding and the path on hover.

class Drawing {
  constructor(model, onSelect) {
    this.model = model;
    this.onSelect = onSelect;
    this.open = firstOpen(model, 150);
    this.selected = null;
    this.scale = 1;
    this.shift = { x: 0, y: 0 };
    this.world = svg("g", { id: "world" });
    this.picture = svg("svg", { id: "graph", tabindex: 0, role: "group", "aria-label": "graph of the model: arrow keys pan, + and - zoom, Tab walks the boxes" },
      svg("defs", {}, svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
        svg("path", { d: "M0,0 L8,4 L0,8 z" }))), this.world);
    this.status = el("span", { id: "shown", role: "status" });
    this.root = el("div", { class: "canvas" }, this.toolbar(), this.picture);
    this.listen();
  }

  toolbar() {
    const button = (text, label, act) => el("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
    return el("div", { class: "toolbar" },
      button("fit", "show the whole graph", () => this.fit()),
      button("+", "zoom in", () => this.zoom(1.3)),
      button("−", "zoom out", () => this.zoom(1 / 1.3)),
      button("unfold", "unfold every group that fits", () => this.unfoldAll()),
      button("fold", "fold every group", () => { this.open = new Set([0]); this.draw(); this.fit(); }),
      this.status);
  }

  listen() {
    const at = (event) => {
      const box = this.picture.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    this.picture.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, at(event));
    }, { passive: false });
    let from = null;
    this.picture.addEventListener("pointerdown", (event) => { from = { x: event.clientX, y: event.clientY }; });
    window.addEventListener("pointermove", (event) => {
      if (!from || !event.buttons) { from = null; return; }
      this.move(event.clientX - from.x, event.clientY - from.y);
      from = { x: event.clientX, y: event.clientY };
    });
    window.addEventListener("pointerup", () => { from = null; });
    this.picture.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
      if (moves[event.key]) this.move(...moves[event.key]);
      else if (event.key === "+" || event.key === "=") this.zoom(1.3);
      else if (event.key === "-") this.zoom(1 / 1.3);
      else if (event.key === "0") this.fit();
      else return;
      event.preventDefault();
    });
  }

  // -- where we look -------------------------------------------------------------------------------------------------

  place() {
    this.world.setAttribute("transform", `translate(${this.shift.x},${this.shift.y}) scale(${this.scale})`);
  }

  move(x, y) {
    this.shift.x += x;
    this.shift.y += y;
    this.place();
  }

  zoom(factor, at) {
    const box = this.picture.getBoundingClientRect();
    const point = at || { x: box.width / 2, y: box.height / 2 };
    const scale = Math.min(3, Math.max(0.02, this.scale * factor));
    this.shift.x = point.x - ((point.x - this.shift.x) * scale) / this.scale;
    this.shift.y = point.y - ((point.y - this.shift.y) * scale) / this.scale;
    this.scale = scale;
    this.place();
  }

  fit() {
    const { width, height } = this.picture.getBoundingClientRect();
    this.scale = Math.min(1, Math.max(0.02, Math.min((width || 800) / this.view.width, (height || 600) / this.view.height)));
    this.shift = { x: ((width || 800) - this.view.width * this.scale) / 2, y: 4 };
    this.place();
  }

  start() {
    this.draw();
    this.fit();
    if (this.scale < 0.55) {
      const { width } = this.picture.getBoundingClientRect();
      this.scale = Math.min(0.8, Math.max(0.55, (width || 800) / this.view.width));
      const first = this.view.boxes[0] || { x: 0 };
      this.shift = { x: (width || 800) / 2 - first.x * this.scale, y: 4 };
      this.place();
    }
  }

  centre(box) {
    const { width, height } = this.picture.getBoundingClientRect();
    this.scale = Math.max(this.scale, 0.7);
    this.shift = { x: width / 2 - box.x * this.scale, y: height / 2 - box.y * this.scale };
    this.place();
  }

  // -- folding -------------------------------------------------------------------------------------------------------

  toggle(group) {
    if (this.open.has(group)) {
      const inside = new Set([group]);
      for (let index = group + 1; index < this.model.groups.length; index += 1) {
        if (inside.has(this.model.groups[index].g)) inside.add(index);
      }
      for (const one of inside) this.open.delete(one);
    } else {
      this.open.add(group);
    }
    this.draw();
    const box = this.view.boxes.find((one) => one.group === group) || this.view.frames.find((one) => one.group === group);
    if (box) this.centre({ x: box.x, y: Math.max(0, box.y - (box.height || 0) / 2 + 120) });
  }

  unfoldAll() {
    for (const [index] of this.model.groups.entries()) {
      const holder = this.model.groups[index].g;
      if (holder >= 0 && !this.open.has(holder)) continue;
      const seen = this.view.boxes.length;
      if (seen + this.model.children[index].length > 600) break;
      if (!this.open.has(index)) {
        this.open.add(index);
        this.view.boxes.length += this.model.children[index].length - 1;
      }
    }
    this.draw();
    this.fit();
  }

  reveal(target) {
    let group = target.node === undefined ? this.model.groups[target.group].g : this.model.nodes[target.node].g;
    let changed = false;
    for (; group >= 0; group = this.model.groups[group].g) {
      if (!this.open.has(group)) {
        this.open.add(group);
        changed = true;
      }
    }
    if (changed) this.draw();
  }

  boxFor(target) {
    if (target.node !== undefined) return this.view.boxes[this.view.place[target.node]];
    return this.view.boxes.find((one) => one.group === target.group) || this.view.frames.find((one) => one.group === target.group);
  }

  show(target, others) {
    this.reveal(target);
    this.select(target);
    const box = this.boxFor(target);
    if (box) this.centre(box);
    for (const other of others || []) {
      const element = this.boxFor({ node: other })?.element;
      if (element) element.classList.add("related");
    }
  }

  // -- drawing -------------------------------------------------------------------------------------------------------

  draw() {
    this.view = layout(this.model, this.open);
    emptied(this.world);
    this.world.append(
      svg("g", {}, this.view.frames.map((frame) => this.frame(frame))),
      svg("g", {}, this.view.links.map((link) => this.link(link))),
      svg("g", {}, this.view.boxes.map((box) => this.box(box))));
    this.status.textContent = `${plural(this.view.boxes.length, "box").replace("boxs", "boxes")} of ${plural(this.model.nodes.length, "call")}`;
    if (this.selected) this.select(this.selected, true);
  }

  link(link) {
    const path = svg("path", { d: `M${link.points.map((point) => `${point.x},${point.y}`).join("L")}`, class: link.mask ? "link mask" : "link", "marker-end": "url(#arrow)" });
    path.append(svg("title", {}, `${link.mask ? "mask " : ""}${link.text}${link.count > 1 ? ` and ${link.count - 1} more` : ""}`));
    link.element = path;
    return path;
  }

  frame(frame) {
    const group = this.model.groups[frame.group];
    const [x, y] = [frame.x - frame.width / 2, frame.y - frame.height / 2 - 14];
    const severity = worst(this.model, this.model.found.groups[frame.group]);
    const label = `${short(group.n || "", 40)}${group.k === "stack" ? ` × ${number(group.x)}` : ""}${group.t === undefined ? "" : ` · shared ${group.t + 1}`}`;
    const fold = () => this.toggle(frame.group);
    const element = svg("g", { class: `frame kind-${group.k} ${severity ? `sev-${severity}` : ""}` },
      svg("rect", { class: "edge", x, y, width: frame.width, height: frame.height + 14, rx: 8 }),
      svg("text", { class: "fold", x: x + 8, y: y + 14, tabindex: 0, role: "button", "aria-expanded": "true", "aria-label": `fold ${label}`,
        onclick: fold, onkeydown: (event) => this.key(event, fold) }, `▾ ${label}`));
    if (severity) element.append(this.badge(this.model.found.groups[frame.group].length, severity, x + frame.width, y));
    this.hue(element, group.t);
    frame.element = element;
    return element;
  }

  hue(element, tie) {
    if (tie === undefined) return;
    element.classList.add("tied");
    element.style.setProperty("--hue", String((tie * 137.5 + 200) % 360));
  }

  key(event, act) {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  box(box) {
    const target = box.group === undefined ? { node: box.node } : { group: box.group };
    const one = box.group === undefined ? this.model.nodes[box.node] : this.model.groups[box.group];
    const findings = box.group === undefined ? this.model.found.nodes[box.node] : [...this.model.below[box.group]];
    const severity = worst(this.model, findings);
    const [x, y] = [box.x - box.width / 2, box.y - box.height / 2];
    const classes = ["box", box.group === undefined ? "call" : `group kind-${one.k}`];
    if (severity) classes.push(`sev-${severity}`);
    for (const mark of box.marks) classes.push(`mark-${mark.replace(/ /g, "-")}`);
    const said = [one.a || one.n, one.c || one.k, one.s, ...box.marks, one.t === undefined ? null : `shared ${one.t + 1}`,
      findings.length ? `${plural(findings.length, WHAT)}, ${labelOf(severity)}` : null, box.group === undefined ? null : "folded"];
    const act = (event) => {
      if (box.group !== undefined && !event.shiftKey) this.toggle(box.group);
      this.select(target);
    };
    const element = svg("g", { class: classes.join(" "), tabindex: 0, role: "button", "aria-label": said.filter(Boolean).join(", "),
      "aria-expanded": box.group === undefined ? null : "false", onclick: act, onkeydown: (event) => this.key(event, () => act(event)),
      onpointerenter: () => this.path(target), onpointerleave: () => this.path(null),
      onfocus: () => this.path(target), onblur: () => this.path(null) });
    if (one.k === "stack") {
      element.append(svg("rect", { class: "under", x: x + 6, y: y - 6, width: box.width, height: box.height, rx: 5 }),
        svg("rect", { class: "under", x: x + 3, y: y - 3, width: box.width, height: box.height, rx: 5 }));
    }
    element.append(svg("rect", { class: "body", x, y, width: box.width, height: box.height, rx: 5 }));
    box.lines.forEach((line, index) => element.append(
      svg("text", { x: x + 12, y: y + 16 + index * LINE, class: index ? "minor" : "title" }, line)));
    if (box.marks.length) {
      element.append(svg("text", { x: x + 12, y: y + 16 + box.lines.length * LINE, class: "marks" }, box.marks.join("  ")));
    }
    if (one.t !== undefined) {
      element.append(svg("rect", { class: "stripe", x, y, width: 5, height: box.height, rx: 2 }),
        svg("g", { class: "chain", transform: `translate(${x + box.width - 24},${y + 10})` },
          svg("circle", { cx: 0, cy: 0, r: 3.5 }), svg("circle", { cx: 5, cy: 0, r: 3.5 }), svg("text", { x: 11, y: 3.5 }, one.t + 1)));
    }
    if (severity) {
      element.append(this.badge(findings.length, severity, x + box.width, y));
    }
    this.hue(element, one.t);
    box.element = element;
    return element;
  }

  badge(count, severity, right, top) {
    const text = `${labelOf(severity)[0].toUpperCase()}${count > 1 ? count : ""}`;
    const width = text.length * 8 + 8;
    return svg("g", {}, svg("rect", { class: "badge", x: right - width + 4, y: top - 9, width, height: 16, rx: 8 }),
      svg("text", { class: "badge-text", x: right - width / 2 + 4, y: top + 3, "text-anchor": "middle" }, text));
  }

  select(target, quiet) {
    this.selected = target;
    for (const box of this.view.boxes) box.element.classList.remove("selected", "related");
    for (const frame of this.view.frames) frame.element.classList.remove("selected");
    const box = this.boxFor(target);
    if (box?.element) box.element.classList.add("selected");
    if (!quiet) this.onSelect(target);
  }

  // The way from the inputs to a box, and from it to the outputs.
  path(target) {
    const marked = target !== null;
    this.picture.classList.toggle("tracing", marked);
    if (!marked) return;
    const { model, view } = this;
    const starts = target.node !== undefined ? [target.node] : nodesIn(model, target.group);
    const before = reach(starts, model.sources);
    const after = reach(starts, model.targets);
    const [up, down] = [new Set(), new Set()];
    for (const node of before) up.add(view.place[node]);
    for (const node of after) down.add(view.place[node]);
    view.boxes.forEach((box, index) => {
      box.element.classList.toggle("before", up.has(index));
      box.element.classList.toggle("after", down.has(index) && !up.has(index));
    });
    for (const link of view.links) {
      link.element.classList.toggle("before", up.has(link.source) && up.has(link.target));
      link.element.classList.toggle("after", down.has(link.source) && down.has(link.target));
    }
  }
}

function legend(meanings) {
  const sample = (classes, text) => el("span", { class: `sample ${classes}` }, text);
  const row = (key, meaning) => el("div", { class: "legend-row" }, el("dt", {}, key), el("dd", {}, meaning));
  return el("details", { class: "legend" }, el("summary", {}, "Legend"), el("dl", {},
    SEVERITIES.map((severity) => row(sample(`sev-${severity}`, labelOf(severity)[0].toUpperCase()), `${labelOf(severity)}: the border of the box, and the letter on it`)),
    row(sample("tied", "∞ 1"), "calls of one layer, or layers that share a variable: one colour, one number"),
    Object.entries(meanings).map(([mark, meaning]) => row(sample(`mark-${mark.replace(/ /g, "-")}`, mark), meaning)),
    row("- - -", "a mask that travels with a tensor"),
    row("▸", "folded: a click or Enter unfolds, on ▾ folds again; with Shift only selects"),
    row("× 12", "blocks with equal settings and wiring, one after another")));
}
