"use strict";
// Text only ever enters the page through textContent, so nothing that a shop sends can become markup.

const LABELS = { mpesa: "M-Pesa", airtel: "Airtel Money", card: "Card" };
const byId = (id) => document.getElementById(id);
let modes = {};
let shown = "";

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const answer = await fetch(path, options);
  const document_ = await answer.json();
  if (!answer.ok) throw new Error(document_.error || "The simulator refused.");
  return document_;
}

async function attempt(path, body) {
  try {
    await ask(path, body);
    byId("notice").textContent = "";
  } catch (error) {
    byId("notice").textContent = error.message;
  }
  await refresh();
}

const spoken = (phone) => `0${phone.slice(-9, -6)} ${phone.slice(-6, -3)} ${phone.slice(-3)}`;
const clock = (moment) => new Date(moment).toLocaleTimeString();
const money = (minor, currency) => `${currency} ${(minor / 100).toLocaleString("en", { minimumFractionDigits: 2 })}`;

function dialog(payment) {
  const pin = element("input", {
    type: "password", inputMode: "numeric", maxLength: 4, pattern: "[0-9]{4}", autocomplete: "off", required: true,
  });
  const act = (answer) => () => attempt(`/_/phones/${payment.phone}/${answer}/`, { id: payment.id });
  const form = element("form", { className: "dialog" },
    element("p", {}, `Do you want to pay KES ${payment.amount.toLocaleString("en")} to SIMULATED SHOP?`),
    element("p", {}, `Account ${payment.account}`),
    element("label", {}, `${LABELS[payment.gateway]} PIN`, pin),
    element("div", { className: "buttons" },
      element("button", { className: "go" }, "Pay"),
      element("button", { type: "button", className: "stop", onclick: act("decline") }, "Decline"),
      element("button", { type: "button", onclick: act("ignore") }, "Ignore")));
  form.dataset.prompt = payment.id;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(`/_/phones/${payment.phone}/pin/`, { pin: pin.value, id: payment.id });
  });
  return form;
}

function phoneCard(payments) {
  const last = payments[payments.length - 1];
  const open = payments.filter((payment) => payment.open);
  const card = element("article", { className: `phone ${last.gateway}` },
    element("h3", {}, spoken(last.phone), element("span", {}, LABELS[last.gateway])));
  if (!open.length) {
    const text = last.outcome ? outcome(last) : `Mode ${last.mode}: acts by itself`;
    card.append(element("p", { className: "hint" }, `No open prompt. Last: KES ${last.amount.toLocaleString("en")}, ${text}`));
  }
  card.append(...open.map(dialog));
  return card;
}

const outcome = (payment) => payment.paid ? `paid, ${payment.receipt}` : payment.outcome_text || "waiting";

function drawPhones(payments) {
  // What is being typed must survive the drawing.
  const typed = {};
  for (const form of document.querySelectorAll("form[data-prompt]")) {
    const field = form.querySelector("input");
    typed[form.dataset.prompt] = { value: field.value, focused: document.activeElement === field };
  }
  const phones = new Map();
  for (const payment of payments) {
    const key = `${payment.gateway} ${payment.phone}`;
    phones.set(key, [...(phones.get(key) || []), payment]);
  }
  const inOrder = [...phones.values()].sort((a, b) =>
    b.some((p) => p.open) - a.some((p) => p.open) || b[b.length - 1].opened.localeCompare(a[a.length - 1].opened));
  byId("phones").replaceChildren(...inOrder.map(phoneCard));
  byId("no-phones").hidden = phones.size > 0;
  for (const form of document.querySelectorAll("form[data-prompt]")) {
    const before = typed[form.dataset.prompt];
    if (!before) continue;
    const field = form.querySelector("input");
    field.value = before.value;
    if (before.focused) field.focus();
  }
}

function told(delivery) {
  return element("div", { className: "told" },
    element("span", {}, `Callback ${delivery.number} (${delivery.kind}): ${delivery.results.join(", ") || "on its way"}`),
    element("button", { type: "button", onclick: () => attempt(`/_/deliveries/${delivery.number}/again/`, {}) }, "Send again"));
}

function row(what, className, when, mode, about, deliveries) {
  return element("li", {},
    element("div", {},
      element("span", { className: `what ${className}` }, what),
      element("span", { className: "hint" }, `${clock(when)}, mode ${mode}`)),
    ...deliveries.filter((delivery) => delivery.about === about).map(told));
}

function drawOutcomes(state) {
  const rows = [
    ...state.payments.filter((payment) => payment.outcome).map((payment) => [payment.opened, row(
      `${LABELS[payment.gateway]} ${spoken(payment.phone)}, KES ${payment.amount.toLocaleString("en")}: ${outcome(payment)}`,
      payment.paid ? "paid" : "unpaid", payment.opened, payment.mode, payment.id, state.deliveries)]),
    ...state.cards.filter((card) => card.decided).map((card) => [card.opened, row(
      `Card ${card.reference}, ${money(card.amount, card.currency)}: ${card.status}`,
      card.status === "success" ? "paid" : "unpaid", card.opened, card.mode, card.reference, state.deliveries)]),
  ].sort((a, b) => b[0].localeCompare(a[0])).slice(0, 30).map((pair) => pair[1]);
  byId("outcomes").replaceChildren(...rows);
  byId("no-outcomes").hidden = rows.length > 0;
}

function drawCards(cards) {
  const open = cards.filter((card) => card.status !== "success").reverse();
  byId("cards").replaceChildren(...open.map((card) => element("li", {}, element("div", {},
    element("a", { href: card.page }, `Open the page of ${card.reference}`),
    element("span", {}, money(card.amount, card.currency)),
    element("span", { className: "hint" }, card.status)))));
  byId("no-cards").hidden = open.length > 0;
}

function drawChosen(chosen) {
  byId("chosen").replaceChildren(...chosen.map((choice) => element("li", {}, element("div", {},
    element("span", { className: "what" }, `${LABELS[choice.gateway]}: ${choice.mode}`),
    element("span", {}, choice.phone ? `for ${spoken(choice.phone)}` : "for all"),
    element("span", { className: "hint" }, choice.times ? `${choice.times} more` : "from now on")))));
}

async function refresh() {
  let state;
  try {
    state = await ask("/_/state/");
  } catch {
    byId("notice").textContent = "The simulator does not answer. Is it still running?";
    shown = "";
    return;
  }
  const now = JSON.stringify(state);
  if (now === shown) return;
  if (!shown) byId("notice").textContent = "";
  shown = now;
  byId("callbacks").checked = state.callbacks;
  drawPhones(state.payments);
  drawCards(state.cards);
  drawOutcomes(state);
  drawChosen(state.chosen);
}

function offerModes() {
  const form = byId("choose");
  const rows = modes[form.elements.gateway.value] || [];
  form.elements.mode.replaceChildren(...rows.map((mode) => element("option", { value: mode.mode }, mode.mode)));
  form.elements.phone.disabled = form.elements.gateway.value === "card";
  explain();
}

function explain() {
  const form = byId("choose");
  const mode = (modes[form.elements.gateway.value] || []).find((m) => m.mode === form.elements.mode.value);
  byId("says").textContent = mode ? mode.says : "";
}

function drawTables() {
  byId("tables").replaceChildren(...Object.entries(modes).map(([gateway, rows]) => element("details", {},
    element("summary", {}, `${LABELS[gateway]}: ${rows.length} modes`),
    element("div", { className: "scroll" }, element("table", {},
      element("thead", {}, element("tr", {}, ...["Chosen by", "Mode", "What happens"].map((t) => element("th", { scope: "col" }, t)))),
      element("tbody", {}, ...rows.map((mode) => element("tr", {},
        element("td", {}, mode.chosen_by || "any other"),
        element("td", {}, element("code", {}, mode.mode)),
        element("td", {}, mode.says)))))))));
}

async function start() {
  modes = (await ask("/_/modes/")).modes;
  offerModes();
  drawTables();
  const form = byId("choose");
  form.elements.gateway.addEventListener("change", offerModes);
  form.elements.mode.addEventListener("change", explain);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = form.elements;
    attempt("/_/modes/", {
      gateway: values.gateway.value, mode: values.mode.value,
      phone: values.phone.value.trim() || null, times: values.times.value ? Number(values.times.value) : null,
    });
  });
  byId("callbacks").addEventListener("change", (event) => attempt("/_/callbacks/", { enabled: event.target.checked }));
  byId("reset").addEventListener("click", () => attempt("/_/reset/", {}));
  await refresh();
  setInterval(refresh, 1000);
}

start();
