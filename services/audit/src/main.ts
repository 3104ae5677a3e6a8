import { serve } from '@holdfast/kit/http-server';
import { AuditModule } from './audit.module.ts';
import { config } from './config.ts';

await serve({
  service: 'audit',
  description: 'Every event in a hash-chained log that nobody can rewrite unseen.',
  module: AuditModule,
  config,
});
