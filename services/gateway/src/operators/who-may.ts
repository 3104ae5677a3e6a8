import type { IncomingHttpHeaders } from 'node:http';
import { isAmbiguous } from '../routes.ts';

/** Parts of these pages, each for other people: alerts and metrics for who is woken by them, logs and the audit trail for who looks into what others did. */
export type Area = 'operations' | 'records';

const openTo: Readonly<Record<Area, readonly string[]>> = { operations: ['operator', 'admin'], records: ['auditor', 'admin'] };

export function isOpenTo(area: Area, roles: readonly string[]): boolean {
  return roles.some((role) => openTo[area].includes(role));
}

/** Where to go back to after the sign-in: a path below the pages that we guard, never another origin. Anything else is the list of these pages. */
export function returnPath(wanted: string | undefined): string {
  if (wanted === undefined || wanted.length > 1_500) return '/sign-in/';
  const path = wanted.split('?', 1)[0] ?? '';
  return /^\/(prometheus|alertmanager|kibana)\/[\x21-\x7e]*$/.test(wanted) && !isAmbiguous(path) ? wanted : '/sign-in/';
}

/** A request that changes something has to come from a page of ours: browsers say so in headers that no page can set. */
export function isFromHere(headers: IncomingHttpHeaders, origin: string): boolean {
  const site = headers['sec-fetch-site'];
  return site === undefined ? headers.origin === origin : site === 'same-origin';
}

/** Whether somebody looks at the answer: he is shown a page, where a program gets a status. */
export function isPage(method: string, headers: IncomingHttpHeaders): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const mode = headers['sec-fetch-mode'];
  return mode === undefined ? (headers.accept ?? '').includes('text/html') : mode === 'navigate';
}

export function cookieOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const found = headers.cookie?.split(';').map((pair) => pair.trim()).find((pair) => pair.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}

const readOnly = /^\/(?:classic\/[\w./-]*|api\/v1\/(?:query|query_range|query_exemplars|format_query|parse_query|series|labels|label\/\w+\/values|metadata|targets|targets\/metadata|rules|alerts|alertmanagers|status\/\w+))$/;
// Questions may be longer than an address: these are read by POST as well.
const questions = /^\/api\/v1\/(?:query|query_range|query_exemplars|format_query|parse_query|series|labels)$/;

/** What of Prometheus can be had: its pages and its questions. Not what changes it (/-/reload, /-/quit, the admin API), nor raw series (federation, remote read). */
export function isOpenAtPrometheus(method: string, path: string): boolean {
  return method === 'POST' ? questions.test(path) : ['GET', 'HEAD'].includes(method) && readOnly.test(path);
}
