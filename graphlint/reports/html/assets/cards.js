"use strict";
// Findings as cards, with the filters above them.

const FAMILIES = DATA.families || {};
const BATCH = 200;

function familyOf(code) {
  if (DATA.labels) return code;
  const letters = code.match(/^[A-Za-z]+/)?.[0] || "";
  return FAMILIES[letters] ? `${letters} ${FAMILIES[letters]}` : letters;
}

class Cards {
  constructor(findings, explanations, go) {
    this.findings = findings;
    this.explanations = explanations;
    this.go = go;
    this.severities = new Set(SEVERITIES);
    this.cards = [];
    this.most = BATCH;
    this.list = el("div", { class: "cards", role: "list", "aria-label": `${WHAT}s` });
    this.count = el("p", { class: "count", role: "status" });
    this.search = el("input", { type: "search", id: "search", placeholder: `search ${WHAT}s and layers`, "aria-label": `search ${WHAT}s and layers`, spellcheck: "false", oninput: () => this.filter() });
    const families = [...new Set(findings.map((one) => familyOf(one.code)))].sort();
    this.family = el("select", { id: "family", "aria-label": DATA.labels ? "kind" : "family", onchange: () => this.filter() },
      el("option", { value: "" }, DATA.labels ? "all kinds" : "all families"), families.map((one) => el("option", { value: one }, one)));
    this.fixable = el("input", { type: "checkbox", id: "fixable", onchange: () => this.filter() });
    this.toggles = SEVERITIES.map((severity) => {
      const total = findings.filter((one) => one.severity === severity).length;
      const toggle = el("button", { type: "button", class: `toggle sev-${severity}`, "aria-pressed": "true", onclick: () => {
        if (!this.severities.delete(severity)) this.severities.add(severity);
        toggle.setAttribute("aria-pressed", String(this.severities.has(severity)));
        this.filter();
      } }, DATA.labels ? `${number(total)} ${labelOf(severity)}` : plural(total, severity));
      return toggle;
    });
    this.matches = el("div", { class: "matches" });
    this.root = el("div", { class: "findings" },
      el("div", { class: "filters" }, this.search, el("div", { class: "row" }, this.toggles),
        el("div", { class: "row" }, this.family, DATA.labels ? null : el("label", { for: "fixable" }, this.fixable, " fixable"))),
      this.matches, this.count, this.list);
    this.filter();
  }

  wanted(finding) {
    if (!this.severities.has(finding.severity)) return false;
    if (this.family.value && familyOf(finding.code) !== this.family.value) return false;
    if (this.fixable.checked && !finding.fix) return false;
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = `${finding.code} ${finding.name} ${finding.at || ""} ${finding.message} ${finding.hint || ""} ${finding.model || ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  }

  filter() {
    const wanted = this.findings.map((one, index) => index).filter((index) => this.wanted(this.findings[index]));
    emptied(this.list);
    this.cards = [];
    for (const index of wanted.slice(0, this.most)) this.list.append(this.card(index));
    if (wanted.length > this.most) {
      this.list.append(el("button", { type: "button", onclick: () => { this.most += BATCH; this.filter(); } }, `show ${number(Math.min(BATCH, wanted.length - this.most))} more`));
    }
    this.count.textContent = this.findings.length === 0 ? (DATA.nothing || "Nothing found.") : `${number(wanted.length)} of ${plural(this.findings.length, WHAT)}`;
    if (this.onSearch) this.onSearch(this.search.value.trim().toLowerCase());
  }

  card(index) {
    const finding = this.findings[index];
    const why = this.explanations[finding.code];
    const head = el("button", { type: "button", class: "go", onclick: () => this.go(index) },
      severityTag(finding.severity), " ", el("b", {}, titleOf(finding)), finding.at ? el("span", { class: "at" }, finding.at === "." ? "the model" : finding.at) : null);
    const fix = finding.fix;
    const card = el("article", { class: `card sev-${finding.severity}`, role: "listitem" }, el("h3", {}, head),
      finding.model ? el("p", { class: "minor" }, finding.model) : null,
      el("p", {}, finding.message),
      finding.hint ? el("p", { class: "hint" }, "→ ", finding.hint) : null,
      finding.see ? el("p", { class: "minor" }, "see also ", finding.see.join(", "), finding.more ? ` and ${number(finding.more)} more` : "") : null,
      DATA.labels ? null : el("details", {}, el("summary", {}, fix ? `why · fix (${fix.how}) · ignore` : "why · ignore"),
        why ? el("p", {}, el("b", {}, "Why: "), why) : null,
        fix ? [el("p", {}, el("b", {}, `Fix, ${fix.how}: `), fix.title, fix.changes ? ` (${fix.changes})` : ""), copyable(fix.command)] : null,
        finding.ignore ? [el("p", {}, el("b", {}, "Ignore it"), " in pyproject.toml:"), copyable(finding.ignore)] : null));
    this.cards[index] = card;
    return card;
  }

  highlight(index) {
    for (const card of this.cards) card?.classList.remove("current");
    const card = this.cards[index];
    if (card) {
      card.classList.add("current");
      card.scrollIntoView({ block: "nearest" });
    }
  }
}
