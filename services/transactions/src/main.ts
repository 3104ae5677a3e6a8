import { serve } from '@holdfast/kit/http-server';
import { config } from './config.ts';
import { TransactionsModule } from './transactions.module.ts';

await serve({
  service: 'transactions',
  description: 'Accounts and transfers: the double-entry ledger.',
  module: TransactionsModule,
  config,
});
