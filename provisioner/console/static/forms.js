
// ---- Work that is done in steps continues while its page is visible ----------------------------------
for (const form of $$("form[data-go-on]")) {
  const again = () => (document.hidden ? document.addEventListener("visibilitychange", again, { once: true }) : form.requestSubmit());
  setTimeout(again, 200 + 1000 * Number(form.dataset.goOn));
}
