import { expect, test } from '@jest/globals';
import type { Alert } from '../monitoring.ts';
import { concernOfAlerts } from './alerts.ts';

const alert = (name: string, severity: string, quiet?: Alert['quiet']): Alert => ({ name, severity, labels: {}, summary: '', hits: '', runbookUrl: '', since: new Date(0), ...(quiet && { quiet }) });

test.each<[string, Alert[], string, string]>([
  ['Watchdog is no news', [alert('Watchdog', 'none')], 'good', 'none fires'],
  ['a page is trouble', [alert('LedgerFindings', 'page'), alert('LedgerFindings', 'page')], 'trouble', 'LedgerFindings'],
  ['a ticket can wait', [alert('BackupTooOld', 'ticket')], 'attention', 'BackupTooOld'],
  ['a page that somebody has silenced is known', [alert('LedgerFindings', 'page', 'silenced')], 'attention', 'LedgerFindings'],
  ['many are counted', ['A', 'B', 'C', 'D', 'E', 'F'].map((name) => alert(name, 'ticket')), 'attention', 'A, B, C, D and 2 more'],
])('%s', (_, alerts, state, says) => {
  expect(concernOfAlerts(alerts)).toMatchObject({ state, says });
});
