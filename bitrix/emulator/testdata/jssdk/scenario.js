// What the app's page does in the browser tests, with the real library.
const report = (scenario, seen) => fetch('/report', {
  method: 'POST', body: JSON.stringify({ scenario, opened: document.querySelector('meta[name=opened]')?.content, ...seen }),
  keepalive: true,
}).catch(() => {}); // The page may be gone by then; what is missed the test misses.

// Not requestAnimationFrame: it stands still in a frame that is out of sight.
const settled = () => new Promise((done) => setTimeout(done, 50));

async function run() {
  const b24 = await B24Js.initializeB24Frame();
  const { placement } = b24;
  if (b24.isInstallMode) {
    await report('installer', { installMode: true });
    b24.installFinish();
    return;
  }
  if (placement.options?.screen === 'inner') {
    await report('inner', { options: placement.options, placement: placement.placement });
    await b24.slider.closeSliderAppPage();
    return;
  }
  if (placement.options?.screen === 'path') {
    const answer = await b24.slider.openPath(b24.slider.getUrl('/crm/type/177/details/1/'), 1640);
    await report('path', { closed: answer.result ?? (answer.isClose ? 'close' : answer) });
    return;
  }
  if (!placement.isDefault) {
    await b24.parent.fitWindow();
    await settled();
    await report(placement.placement.endsWith('_TAB') ? 'tab' : 'toolbar', {
      placement: placement.placement, options: placement.options, interface: await placement.getInterface(), height: innerHeight,
    });
    return;
  }
  await b24.parent.fitWindow();
  await b24.parent.setTitle('Import: "x" y');
  const before = b24.auth.getAuthData();
  const after = await b24.auth.refreshAuth();
  await b24.options.userSet('theme', 'dark');
  const bad = await b24.slider.openPath(new URL('/nowhere/', b24.getTargetOrigin()), 800).catch((e) => e);
  await b24.slider.openSliderAppPage({ screen: 'inner', job: 42, bx24_title: 'Inner' });
  await settled();
  await report('main', {
    installMode: b24.isInstallMode, firstRun: b24.isFirstRun, admin: b24.auth.isAdmin, lang: b24.getLang(),
    origin: b24.getTargetOrigin(), refreshed: after.access_token !== before.access_token && after.access_token.length > 30,
    badPath: bad.errorCode ?? String(bad.message ?? bad), interface: await placement.getInterface(),
    sliderClosed: true, userOption: b24.options.userGet('theme'), height: innerHeight,
  });
}

run().catch((e) => report('', { error: String(e?.stack ?? e) }));
