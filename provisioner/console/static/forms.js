
// ---- Work that is done in steps goes on while somebody looks at it ---------------------------------
for (const form of $$("form[data-go-on]")) {
  const again = () => (document.hidden ? document.addEventListener("visibilitychange", again, { once: true }) : form.requestSubmit());
  setTimeout(again, 200 + 1000 * Number(form.dataset.goOn));
}
