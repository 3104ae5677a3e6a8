import { expect, test } from '@playwright/test';
import { Platform } from '../kit/platform.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

// The browser does not know the private CA; every other client of these tests verifies it.
test.use({ ignoreHTTPSErrors: true });

test('a person could not get in by the front door: authorization code with PKCE in a real browser', async ({ page }) => {
  const customer = await platform.newCustomer();
  await page.goto(`${platform.instance.url}/docs`);
  await page.getByRole('button', { name: 'Authorize' }).first().click();

  const [login] = await Promise.all([page.waitForEvent('popup'), page.locator('.modal-ux .auth-btn-wrapper .authorize').first().click()]);
  expect(new URL(login.url()).searchParams.get('code_challenge_method')).toBe('S256');
  await login.locator('#username').fill(customer.email);
  await login.locator('#password').fill(customer.password);
  await Promise.all([login.waitForEvent('close'), login.locator('#kc-login').click()]);

  await page.locator('.modal-ux .auth-btn-wrapper').first().getByText('Close').click();
  const operation = page.locator('.opblock', { hasText: '/v1/users/me' }).filter({ hasText: 'GET' });
  await operation.locator('.opblock-summary-control').click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  await expect(operation.locator('.live-responses-table')).toContainText(customer.email, { timeout: 15_000 });
});

test('a wrong password could open the door', async () => {
  const customer = await platform.newCustomer();
  await expect(platform.visitor.signedIn(customer.email, `${customer.password}x`)).rejects.toThrow('was not let in');
});
