import { Command } from 'commander';
import { Instance } from '../instance.ts';

export function urlsCommand(): Command {
  return new Command('urls')
    .description('every page of the platform')
    .option('--json', 'for programs')
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.named(command);
      const pages = pagesOf(instance);
      if (options.json) console.log(JSON.stringify(Object.fromEntries(pages.map(({ url, what }) => [what, url])), null, 2));
      else for (const { url, what } of pages) console.log(`${url.padEnd(58)} ${what}`);
      if (!options.json) console.log(`\nThe certificate authority to trust: ${instance.caFile}`);
    });
}

/** Only pages that are there: those of vendor images are listed when their image is. */
export function pagesOf(instance: Instance): { url: string; what: string }[] {
  const vendorPages = instance.settings.profiles.map((profile) => ({ url: `${instance.url}/${profile}/`, what: profile }));
  return [
    { url: `${instance.url}/docs`, what: 'API, to read and to try' },
    { url: `${instance.url}/docs/openapi.json`, what: 'OpenAPI document' },
    { url: `${instance.url}/auth/realms/holdfast/account`, what: 'your own account' },
    { url: `${instance.url}/auth/admin/`, what: 'Keycloak administration console' },
    { url: `${instance.url}/prometheus/`, what: 'Prometheus: rules, alerts, questions (operators)' },
    { url: `${instance.url}/alertmanager/`, what: 'alerts and silences (operators)' },
    ...vendorPages,
  ];
}
