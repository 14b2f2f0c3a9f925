"use strict";
// One model: the graph beside its findings, and the other tabs.

function modelPage() {
  const findings = DATA.picture ? DATA.picture.findings : DATA.findings;
  let drawing = null;
  const side = el("div", { id: "selection", "aria-live": "polite" });
  const cards = new Cards(findings, DATA.explanations, (index) => goTo(index));
  if (!DATA.picture) {
    addTab("graph", "Findings", [el("p", {}, DATA.reason || DATA.without || "There is no graph to show."), cards.root]);
    addTab("run", "Not looked at", [], runTab);
    return;
  }
  const model = makeModel(DATA.picture);
  const select = (target) => {
    emptied(side).append(selection(model, target, (other) => drawing.show(other)));
    const one = target.node === undefined ? model.groups[target.group] : model.nodes[target.node];
    if (one.a) setHash(one.a);
  };
  drawing = new Drawing(model, select);

  function goTo(index) {
    const finding = findings[index];
    showTab("graph");
    const target = finding.nodes?.length ? { node: finding.nodes[0] } : finding.groups?.length ? { group: finding.groups[0] } : null;
    if (target) drawing.show(target, [...(finding.nodes || []).slice(1), ...(finding.related || [])]);
    cards.highlight(index);
    if (finding.at) setHash(finding.at);
  }

  function follow() {
    const address = hash() || DATA.start;
    if (!address) return;
    const index = findings.findIndex((one) => one.at === address);
    if (index >= 0) { goTo(index); return; }
    const plain = (text) => text.replace(/#\d+/g, "");
    const near = () => [...model.address].find(([known]) => plain(known) === plain(address))?.[1];
    const target = model.address.get(address) || near();
    if (target) { showTab("graph"); drawing.show(target); }
  }

  function begin() {
    showTab("graph");
    drawing.start();
    follow();
    window.addEventListener("hashchange", follow);
  }

  cards.onSearch = (text) => {
    emptied(cards.matches);
    if (text.length < 2) return;
    const found = [];
    for (const [address, target] of model.address) {
      const one = target.node === undefined ? model.groups[target.group] : model.nodes[target.node];
      if (address.toLowerCase().includes(text) || (one.c || "").toLowerCase().includes(text)) found.push(target);
      if (found.length > 12) break;
    }
    for (const target of found.slice(0, 12)) {
      const one = target.node === undefined ? model.groups[target.group] : model.nodes[target.node];
      cards.matches.append(el("button", { type: "button", class: "link", onclick: () => { showTab("graph"); drawing.show(target); } }, `${one.a} · ${one.c || one.k}`));
    }
    if (found.length > 12) cards.matches.append(el("span", { class: "minor" }, "and more"));
  };
  addTab("graph", `Graph and ${WHAT}s`, el("div", { class: "columns" }, el("div", { class: "left" }, drawing.root, legend(DATA.marks)), el("div", { class: "right" }, side, cards.root)));
  if (DATA.labels) {
    addTab("run", "Notes", DATA.notes.length ? DATA.notes.map((note) => el("p", {}, note)) : el("p", {}, "There is nothing to note."));
    begin();
    return;
  }
  addTab("parameters", "Parameters", [], () => parametersTab(model, (layer) => {
    const target = [...model.address.values()].find((one) => (one.node === undefined ? model.groups[one.group] : model.nodes[one.node]).l === layer);
    if (target) { showTab("graph"); drawing.show(target); }
  }));
  addTab("compilation", "Compilation", [], () => compilationTab(model));
  addTab("releases", "Releases", [], () => releasesTab(model));
  addTab("security", "Security", [], () => securityTab(model));
  addTab("run", "Not looked at", [], runTab);
  begin();
}

if (DATA.kind === "model") modelPage();
else indexPage();
if (!TABS.some((one) => !one.panel.hidden)) showTab(TABS[0].id);
document.documentElement.dataset.ready = "yes";
