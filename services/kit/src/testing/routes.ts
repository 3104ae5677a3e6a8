import 'reflect-metadata';
import { Module, type Provider, type Type } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AuthenticationGuard } from '../authentication.ts';
import { ProblemFilter } from '../problem-filter.ts';
import type { TokenVerifier } from '../token.ts';

/** For tests: controllers behind HTTP, with the guard and the problems of the product. A token is a subject and a role, such as `alice.customer`. */
export async function startRoutes(controllers: Type[], providers: Provider[]): Promise<NestFastifyApplication> {
  const Routes = class Routes { readonly controllers = controllers; };
  Module({ controllers, providers })(Routes);
  const app = await NestFactory.create<NestFastifyApplication>(Routes, new FastifyAdapter(), { logger: false, abortOnError: false });
  const verifier = { verify: async (token: string) => ({ caller: { subject: token.split('.')[0], roles: [token.split('.')[1]] } }) };
  app.useGlobalGuards(new AuthenticationGuard(verifier as unknown as TokenVerifier, new Reflector()));
  app.useGlobalFilters(new ProblemFilter());
  await app.init();
  return app;
}
