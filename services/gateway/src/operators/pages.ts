import type { FastifyReply } from 'fastify';
import { isOpenTo } from './who-may.ts';

/** No script at all, and forms that lead nowhere but here. */
const SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const STYLE = 'body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0;border-bottom:1px solid #ccc}nav{display:flex;gap:1.5rem;align-items:center}';

/** Text from elsewhere, made harmless for elements and attributes in double quotes. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export function sendPage(reply: FastifyReply, status: number, title: string, body: string): FastifyReply {
  return reply
    .status(status)
    .type('text/html; charset=utf-8')
    // With the edge's own no-referrer a browser would send a form with the origin "null".
    .headers({ 'content-security-policy': SECURITY_POLICY, 'referrer-policy': 'same-origin', 'cache-control': 'private, no-store' })
    .send(`<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title><style>${STYLE}</style></head>\n<body><h1>${escaped(title)}</h1>\n${body}\n</body></html>\n`);
}

/** Beside every page of ours: the others that are open to somebody of these roles, and the way out. */
export function navigation(roles: readonly string[]): string {
  const links = [
    ...(isOpenTo('operations', roles) ? ['<a href="/prometheus/">Prometheus</a>', '<a href="/alertmanager/">Alerts and silences</a>'] : []),
    ...(isOpenTo('records', roles) ? ['<a href="/kibana/">Logs and audit trail</a>'] : []),
  ];
  return `<nav>${links.join('')}${SIGN_OUT}</nav>`;
}

export const SIGN_OUT = '<form method="post" action="/sign-in/out"><button>Sign out</button></form>';
