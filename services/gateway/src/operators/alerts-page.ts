import { z } from 'zod';
import { escaped } from './pages.ts';

export const Alerts = z.array(z.looseObject({
  labels: z.record(z.string(), z.string()), annotations: z.record(z.string(), z.string()), startsAt: z.string(),
  status: z.looseObject({ state: z.string() }),
}));

export const Silences = z.array(z.looseObject({
  id: z.string(), comment: z.string(), endsAt: z.string(), status: z.looseObject({ state: z.string() }),
  matchers: z.array(z.looseObject({ name: z.string(), value: z.string(), isRegex: z.boolean(), isEqual: z.boolean().optional() })),
}));

/** Labels of an alert, as its form carries them. */
const Labels = z.string().max(8_000).transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'not JSON' });
    return z.NEVER;
  }
}).pipe(z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.string().min(1)));

const MINUTE_MS = 60_000;
/** A silence that outlives a day is forgotten. */
const SILENCE_MAX_MINUTES = 1_440;

/** What Alertmanager holds, with the way to each alert's runbook and a form to silence it. Every text in it comes from elsewhere. */
export function alertsPage(alerts: z.infer<typeof Alerts>, silences: z.infer<typeof Silences>): string {
  const rows = [...alerts].sort((one, other) => other.startsAt.localeCompare(one.startsAt)).map(({ labels, annotations, startsAt, status }) => {
    const { alertname = '', severity = '', component = '' } = labels;
    return `<tr><td><b>${escaped(alertname)}</b><br>${escaped(annotations.summary ?? '')}<br>${runbook(annotations.runbook_url)}</td>`
      + `<td>${escaped(severity)}</td><td>${escaped(component)}</td><td>${escaped(status.state)}</td><td>${escaped(startsAt)}</td>`
      + `<td><form method="post" action="/alertmanager/silences"><input type="hidden" name="labels" value="${escaped(JSON.stringify(labels))}">`
      + `<input name="minutes" type="number" min="1" max="${SILENCE_MAX_MINUTES}" value="60" aria-label="minutes"> <input name="reason" required maxlength="200" placeholder="reason" aria-label="reason"> <button>Silence</button></form></td></tr>`;
  });
  const silent = silences.filter(({ status }) => status.state !== 'expired').map(({ id, comment, endsAt, matchers }) =>
    `<tr><td>${matchers.map(({ name, value, isRegex, isEqual }) => escaped(`${name}${isEqual === false ? '!' : isRegex ? '' : '='}${isRegex ? '~' : isEqual === false ? '=' : ''}"${value}"`)).join(', ')}</td><td>${escaped(comment)}</td>`
    + `<td>${escaped(endsAt)}</td><td><form method="post" action="/alertmanager/silences/${encodeURIComponent(id)}/end"><button>End</button></form></td></tr>`);
  return `<table id="alerts"><tr><th>Alert</th><th>Severity</th><th>Component</th><th>State</th><th>Since</th><th></th></tr>\n${rows.join('\n')}</table>\n`
    + `<h2>Silences</h2>\n${silent.length === 0 ? '<p>None.</p>' : `<table id="silences"><tr><th>What</th><th>Why</th><th>Until</th><th></th></tr>\n${silent.join('\n')}</table>`}`;
}

/** A link only to what is one: an annotation could hold anything. */
function runbook(url: string | undefined): string {
  return url !== undefined && URL.parse(url)?.protocol === 'https:' ? `<a href="${escaped(url)}">runbook</a>` : '';
}

/** The silence that the form asks for, as POST /api/v2/silences takes it; undefined if it cannot be one. All labels have to fit: the same alert about something else stays loud. */
export function silenceOf(form: URLSearchParams, by: string, now_ms: number) {
  const labels = Labels.safeParse(form.get('labels')).data;
  const minutes = Number(form.get('minutes'));
  const comment = (form.get('reason') ?? '').trim();
  if (labels?.alertname === undefined || !Number.isInteger(minutes) || minutes < 1 || minutes > SILENCE_MAX_MINUTES || comment === '' || comment.length > 200) return undefined;
  return {
    matchers: Object.entries(labels).map(([name, value]) => ({ name, value, isRegex: false, isEqual: true })),
    startsAt: new Date(now_ms).toISOString(), endsAt: new Date(now_ms + minutes * MINUTE_MS).toISOString(), createdBy: by, comment,
  };
}
