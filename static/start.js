// Step 4: one press is enough, and stopping asks first. The dialog is the
// page's own, since frames may not use the browser's.
for (const button of document.querySelectorAll('[data-ask]')) {
  const dialog = document.getElementById(button.dataset.ask);
  button.addEventListener('click', (event) => {
    event.preventDefault();
    dialog.showModal();
  });
}

for (const form of document.querySelectorAll('form')) {
  form.addEventListener('submit', (event) => {
    if (event.submitter?.formMethod === 'dialog' || /\/(failed|kept|calls)$/.test(event.submitter?.formAction ?? '')) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = 'yes';
    event.submitter?.setAttribute('aria-disabled', 'true');
  });
}
