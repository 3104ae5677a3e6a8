import { createHash, randomBytes } from 'node:crypto';
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

test('Kibana could be open to others than auditors, or closed to them', async ({ page }) => {
  const { url, directory } = platform.instance;
  expect((await page.request.get(`${url}/kibana/api/status`)).status()).toBe(401);
  await page.goto(`${url}/sign-in/`);
  await signIn(page, 'operator@holdfast.internal', await readSecret(directory, 'platform-operator-password'));
  await page.waitForURL(`${url}/sign-in/`);
  await page.goto(`${url}/kibana/app/home`);
  await expect(page.getByRole('heading')).toHaveText('These pages are for auditors');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(`${url}/sign-in/ended`);

  await page.goto(`${url}/kibana/app/home`);
  await signIn(page, 'auditor@holdfast.internal', await readSecret(directory, 'platform-auditor-password'));
  await page.waitForURL(`${url}/kibana/app/home`);
  // Its image is its vendor's, and not to be had everywhere.
  if (platform.instance.settings.profiles.includes('kibana')) await expect(page).toHaveTitle(/Elastic|Kibana/);
  else await expect(page.getByRole('heading')).toHaveText('Kibana is not running');
  expect((await page.request.post(`${url}/kibana/internal/search/ese`, { headers: { origin: 'https://evil.example' }, data: {} })).status()).toBe(403);
});

for (const [who, passwordOf] of [['operator@holdfast.internal', 'platform-operator-password'], ['auditor@holdfast.internal', 'platform-auditor-password']] as const) {
  test(`Grafana could not learn at Keycloak what ${who} may, or be given a token for the API`, async ({ page }) => {
    const { url, directory } = platform.instance;
    const protocol = `${url}/auth/realms/holdfast/protocol/openid-connect`;
    const verifier = randomBytes(32).toString('base64url');
    const redirect_uri = `${url}/grafana/login/generic_oauth`;
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    await page.goto(`${protocol}/auth?${new URLSearchParams({ client_id: 'grafana', response_type: 'code', scope: 'openid profile email', state: 'x', redirect_uri, code_challenge: challenge, code_challenge_method: 'S256' })}`);
    const called = page.waitForRequest((request) => request.url().startsWith(redirect_uri));
    await signIn(page, who, await readSecret(directory, passwordOf));
    const code = new URL((await called).url()).searchParams.get('code') ?? '';
    const client_secret = await readSecret(directory, 'keycloak-client-grafana');
    const exchange = await page.request.post(`${protocol}/token`, { form: { grant_type: 'authorization_code', client_id: 'grafana', client_secret, code, redirect_uri, code_verifier: verifier } });
    const { access_token } = await exchange.json() as { access_token: string };
    const bearer = { authorization: `Bearer ${access_token}` };
    const said = await (await page.request.get(`${protocol}/userinfo`, { headers: bearer })).json() as { roles: string[]; email: string; preferred_username: string };
    expect([said.email, said.preferred_username]).toEqual([who, who]);
    expect(said.roles).toContain(who.split('@')[0]);
    expect((await page.request.get(`${url}/v1/users/me`, { headers: bearer })).status()).toBe(401);
  });
}
