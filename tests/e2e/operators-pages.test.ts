import { expect, test, type Page } from '@playwright/test';
import { readSecret } from '../../platform/cli/state/secrets.ts';
import { TOLD_ANEW } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

// The browser does not know the private CA; every other client of these tests verifies it.
test.use({ ignoreHTTPSErrors: true });

async function signIn(page: Page, email: string, password: string): Promise<void> {
  await page.locator('#username').fill(email);
  await page.locator('#password').fill(password);
  await page.locator('#kc-login').click();
}

test('a stranger or a customer could look at Prometheus and Alertmanager', async ({ page, request }) => {
  const { url } = platform.instance;
  expect((await request.get(`${url}/prometheus/api/v1/alerts`)).status()).toBe(401);
  expect((await request.post(`${url}/alertmanager/silences`, { form: { labels: '{"alertname":"RedisDown"}', minutes: '5', reason: 'none' } })).status()).toBe(401);

  const customer = await platform.newCustomer();
  await page.goto(`${url}/prometheus/classic/targets`);
  expect(new URL(page.url()).pathname).toBe('/auth/realms/holdfast/protocol/openid-connect/auth');
  const [answer] = await Promise.all([
    page.waitForResponse((response) => new URL(response.url()).pathname === '/prometheus/classic/targets'),
    signIn(page, customer.email, customer.password),
  ]);
  expect(answer.status()).toBe(403);
  await expect(page.getByRole('heading')).toHaveText('These pages are for operators');
  expect((await page.request.get(`${url}/prometheus/api/v1/alerts`)).status()).toBe(403);
});

test('an operator could not see what fires, ask Prometheus, silence an alert, or leave', async ({ page }) => {
  const { url, directory } = platform.instance;
  const failed: string[] = [];
  page.on('response', (response) => {
    if (response.status() >= 400 && /^\/(prometheus|alertmanager|sign-in)\//.test(new URL(response.url()).pathname)) failed.push(`${response.status()} ${response.url()}`);
  });
  // Debian's page asks for Popper as if it were no module: a menu of it does not unfold, which nothing here needs.
  page.on('pageerror', ({ message }) => { if (message !== "Unexpected token 'export'") failed.push(message); });

  await page.goto(`${url}/prometheus/`);
  await signIn(page, 'operator@holdfast.internal', await readSecret(directory, 'platform-operator-password'));
  await page.waitForURL(`${url}/prometheus/classic/alerts`);
  // The dead man's switch fires always, and Prometheus's own style sheet is there.
  await expect(page.locator('body')).toContainText('Watchdog');
  await expect(page.locator('nav.navbar')).toHaveCSS('position', 'fixed');

  // As its link in an alert leads there, with an answer that the page has fetched by itself.
  await page.goto(`${url}/graph?g0.expr=vector(42)&g0.tab=1`);
  await expect(page.locator('.console_table', { hasText: '42' })).toBeVisible();

  const watchdog = page.locator('#alerts tr', { hasText: 'Watchdog' });
  await within(TOLD_ANEW, 'the alert in Alertmanager', async () => {
    await page.goto(`${url}/alertmanager/`);
    return (await watchdog.count()) > 0 ? true : undefined;
  });
  const runbook = await watchdog.getByRole('link', { name: 'runbook' }).getAttribute('href');
  expect((await page.request.get(String(runbook))).status()).toBe(200);
  const reason = `operators-pages ${Date.now()}`;
  await watchdog.getByLabel('minutes').fill('5');
  await watchdog.getByLabel('reason').fill(reason);
  await watchdog.getByRole('button', { name: 'Silence' }).click();
  const silence = page.locator('#silences tr', { hasText: reason });
  await expect(silence).toContainText('alertname="Watchdog"');
  await silence.getByRole('button', { name: 'End' }).click();
  await expect(page.locator('body')).not.toContainText(reason);
  expect(failed).toEqual([]);

  expect((await page.request.post(`${url}/prometheus/-/reload`, { headers: { origin: url } })).status()).toBe(403);
  expect((await page.request.post(`${url}/alertmanager/silences`, { headers: { origin: 'https://evil.example' }, form: { labels: '{"alertname":"Watchdog"}', minutes: '5', reason } })).status()).toBe(403);

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(`${url}/sign-in/ended`);
  // The session at Keycloak has ended too: the way back asks who it is.
  await page.goto(`${url}/alertmanager/`);
  await expect(page.locator('#username')).toBeVisible();
});
