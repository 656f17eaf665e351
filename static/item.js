// The tab in a card is narrow and as high as its page: an import below the
// item opens in a slider over the card. The portal never says that it has
// opened one, so a second press goes on in the tab itself.

import { framed, send } from './frame.js';

const form = document.getElementById('children');

form?.addEventListener('submit', async (event) => {
  const button = event.submitter;
  if (!framed || !button || 'tried' in button.dataset) return;
  event.preventDefault();
  button.dataset.tried = '';
  document.getElementById('opened').hidden = false;
  const closed = await send('openApplication', {
    children: button.value, entityTypeId: form.dataset.type, ID: form.dataset.item, bx24_title: button.textContent.trim(),
  }, 12 * 60 * 60 * 1000);
  // It was closed again: what was imported stands in the list.
  if (closed) document.getElementById('again').requestSubmit();
});
