import { serve } from '@holdfast/kit/http-server';
import { config } from './config.ts';
import { ReportingModule } from './reporting.module.ts';

await serve({
  service: 'reporting',
  description: 'Balances and statements, built from the events of the ledger.',
  module: ReportingModule,
  config,
});
