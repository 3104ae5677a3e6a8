import { createParamDecorator, Injectable, SetMetadata } from '@nestjs/common';
import type { CanActivate, CustomDecorator, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';
import { TokenVerifier } from './token.ts';
import type { Caller as Person } from './token.ts';
import { currentScope } from './trace.ts';

export type Role = 'customer' | 'operator' | 'auditor' | 'admin';
export type { Caller as CallerOf } from './token.ts';

/** The audience that a token must name to be good for the API. */
export const API_AUDIENCE = 'holdfast-api';

const PUBLIC = 'holdfast:public';
const ROLES = 'holdfast:roles';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once the token is verified; absent on a public route without one. */
    caller?: Person;
  }
}

/** Open to everybody. A token that is sent all the same is still verified. */
export const Public = (): CustomDecorator => SetMetadata(PUBLIC, true);

/** Open to callers with one of these roles; without it, a route is open to every caller with a valid token. */
export const Roles = (...roles: [Role, ...Role[]]): CustomDecorator => SetMetadata(ROLES, roles);

/** The verified caller; undefined only on a `@Public()` route. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().caller);

/** Every route needs a token, unless it says otherwise. Each service checks for itself: that the gateway did is not trusted. */
@Injectable()
export class AuthenticationGuard implements CanActivate {
  constructor(private readonly verifier: TokenVerifier, private readonly reflector: Reflector) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const caller = await callerOf(this.verifier, request.headers.authorization);
    if (!caller) {
      if (this.reflector.getAllAndOverride<boolean>(PUBLIC, targets) === true) return true;
      throw unauthenticated('A bearer token is needed');
    }
    request.caller = caller;
    const scope = currentScope();
    if (scope) scope.subject = caller.subject;
    const roles = this.reflector.getAllAndOverride<Role[] | undefined>(ROLES, targets);
    if (roles && !roles.some((role) => caller.roles.includes(role))) throw forbidden();
    return true;
  }
}

/** The caller of an Authorization header, undefined without one; a header that does not verify is a 401 problem. */
export async function callerOf(verifier: TokenVerifier, authorization: string | undefined): Promise<Person | undefined> {
  if (authorization === undefined) return undefined;
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (token === undefined) throw unauthenticated('The Authorization header is not "Bearer <token>"');
  const verdict = await verifier.verify(token);
  if ('rejected' in verdict) throw unauthenticated(`The token was rejected (${verdict.rejected})`, verdict.rejected);
  return verdict.caller;
}

export function unauthenticated(detail: string, reason = 'no_token'): Problem {
  const error = reason === 'no_token' ? '' : ', error="invalid_token"';
  return new Problem({
    status: 401,
    code: 'unauthenticated',
    title: 'Who calls is not known',
    detail,
    headers: { 'www-authenticate': `Bearer realm="holdfast"${error}` },
    members: { reason },
  });
}

export function forbidden(detail = 'Your roles do not allow this'): Problem {
  return new Problem({ status: 403, code: 'forbidden', title: 'Not allowed', detail });
}
