import { Controller, Get, Injectable, Res, UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { PrometheusController } from '@willsoto/nestjs-prometheus';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TLSSocket } from 'node:tls';
import { Public } from './authentication.ts';
import { Problem } from './problem.ts';

/** Passes a peer that showed a certificate of our own CA. The listener asks everybody for one and demands it of nobody else. */
@Injectable()
export class PeerCertificateGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const socket = context.switchToHttp().getRequest<FastifyRequest>().raw.socket as Partial<TLSSocket>;
    if (socket.authorized === true) return true;
    throw new Problem({ status: 403, code: 'client_certificate_needed', title: 'A client certificate of the platform is needed' });
  }
}

@ApiExcludeController()
@Public()
@UseGuards(PeerCertificateGuard)
@Controller('metrics')
export class MetricsController extends PrometheusController {
  @Get()
  override async index(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    return super.index(reply);
  }
}
