import { serve } from '@holdfast/kit/http-server';
import { config } from './config.ts';
import { Docs } from './docs/docs.ts';
import { Door } from './door.ts';
import { GatewayModule } from './gateway.module.ts';
import { Kibana } from './operators/kibana.ts';
import { OperatorsPages } from './operators/operators-pages.ts';
import { SignIn } from './operators/sign-in.ts';

await serve({
  service: 'gateway',
  description: 'The one door: routing, tokens, limits',
  module: GatewayModule,
  config,
  rawBodies: true,
  configure(fastify, app) {
    app.get(Door).register(fastify);
    app.get(Docs).register(fastify);
    app.get(SignIn).register(fastify);
    app.get(OperatorsPages).register(fastify);
    app.get(Kibana).register(fastify);
  },
});
