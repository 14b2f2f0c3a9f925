"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

// Every element is made here. Text only ever becomes a text node or an attribute that holds no code and no address.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  return filled(node, attributes, children);
}

function svg(tag, attributes, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

const ALLOWED = /^(id|class|role|tabindex|type|for|title|lang|scope|open|value|placeholder|hidden|selected|checked|disabled|colspan|data-[a-z]+|aria-[a-z]+|x|y|x1|x2|y1|y2|cx|cy|r|rx|d|width|height|points|transform|viewBox|text-anchor|marker-end|orient|refX|refY|markerWidth|markerHeight|preserveAspectRatio|spellcheck)$/;

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (ALLOWED.test(key)) node.setAttribute(key, value === true ? "" : value);
    else throw new Error(`attribute ${key}`);
  }
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

const byId = (id) => document.getElementById(id);
function emptied(node) {
  node.replaceChildren();
  return node;
}

function table(head, rows, name) {
  return el("table", { "aria-label": name },
    head && el("thead", {}, el("tr", {}, head.map((one) => el("th", { scope: "col" }, one)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell))))));
}

function copyable(text) {
  const code = el("pre", { class: "copy", tabindex: 0 }, text);
  const button = el("button", { type: "button", class: "small", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "selected";
    }
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  } }, "copy");
  return el("div", { class: "copyable" }, code, button);
}

function severityTag(severity) {
  return el("span", { class: `tag sev-${severity}` }, labelOf(severity));
}

// What is marked on the graph: findings, or the changes between two models, or the effects of a part.
const WHAT = DATA.what || "finding";

function labelOf(severity) {
  return DATA.labels?.[severity] || severity;
}

function titleOf(finding) {
  if (DATA.labels) return finding.code === labelOf(finding.severity) ? "" : finding.code;
  return `${finding.code} ${finding.name}`;
}

// -- theme ---------------------------------------------------------------------------------------------------------

const THEMES = ["auto", "light", "dark"];
let theme = "auto";
try { theme = localStorage.getItem("graphlint-theme") || "auto"; } catch { /* a sandboxed frame keeps nothing */ }

function setTheme(name) {
  theme = THEMES.includes(name) ? name : "auto";
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `theme: ${theme}`;
  try { localStorage.setItem("graphlint-theme", theme); } catch { /* as above */ }
}

byId("theme").addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]));
setTheme(theme);

// -- tabs ----------------------------------------------------------------------------------------------------------

const TABS = [];

function addTab(id, title, content, filler) {
  const tab = el("button", { role: "tab", type: "button", id: `tab-${id}`, "aria-controls": `panel-${id}`, tabindex: -1 }, title);
  const panel = el("section", { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}`, hidden: true }, content);
  tab.addEventListener("click", () => showTab(id));
  byId("tabs").append(tab);
  byId("panels").append(panel);
  TABS.push({ id, tab, panel, filler, full: false });
}

function showTab(id) {
  for (const one of TABS) {
    const on = one.id === id;
    one.tab.setAttribute("aria-selected", on);
    one.tab.tabIndex = on ? 0 : -1;
    one.panel.hidden = !on;
    if (on) fillTab(one);
  }
}

function fillTab(one) {
  if (one.full) return;
  one.full = true;
  if (one.filler) one.panel.append(...[one.filler()].flat());
}

byId("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const at = TABS.findIndex((one) => one.tab === document.activeElement);
  const next = TABS[(at + step + TABS.length) % TABS.length];
  showTab(next.id);
  next.tab.focus();
});

window.addEventListener("beforeprint", () => TABS.forEach(fillTab));

// -- addresses in the URL ------------------------------------------------------------------------------------------

function hash() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
}

function setHash(address) {
  try { history.replaceState(null, "", `#${encodeURIComponent(address)}`); } catch { /* a frame without an address */ }
}
