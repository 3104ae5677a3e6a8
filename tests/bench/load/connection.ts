import { connect, type TLSSocket } from 'node:tls';
import { framed, type Framed } from './answer.ts';
import type { Target } from './plan.ts';

/** Told once a request: its answer, or that the connection broke with the request on its way. */
export type Answered = (status: number, body: Buffer) => void;

/**
 * One client: HTTP/1.1 over one TLS connection, one request at a time. Written by hand, as it shares two cores with what it measures
 * and needs nothing of what a client library does for everybody else.
 */
export class Connection {
  private readonly target: Target;
  private socket: TLSSocket | undefined;
  private pending: { readonly tell: Answered; readonly broke: () => void } | undefined;
  private parts: Buffer[] = [];
  private held = 0;
  private frame: Framed | undefined;

  constructor(target: Target) {
    this.target = target;
  }

  open(): Promise<void> {
    const { host, port, servername, ca } = this.target;
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, servername, ca, ALPNProtocols: ['http/1.1'] });
      socket.setNoDelay(true);
      socket.once('secureConnect', () => {
        socket.off('error', reject);
        socket.on('error', () => undefined);
        this.socket = socket;
        resolve();
      });
      socket.once('error', reject);
      socket.on('data', (bytes: Buffer) => this.take(bytes));
      socket.on('close', () => this.lose(socket));
    });
  }

  get isOpen(): boolean {
    return this.socket !== undefined;
  }

  send(request: string, tell: Answered, broke: () => void): void {
    this.pending = { tell, broke };
    if (this.socket) this.socket.write(request, 'latin1');
    else this.break();
  }

  close(): void {
    this.socket?.destroy();
  }

  private take(bytes: Buffer): void {
    this.parts.push(bytes);
    this.held += bytes.length;
    if (!this.frame) {
      const all = this.whole();
      this.frame = framed(all);
      if (!this.frame) return;
    }
    if (this.held < this.frame.length) return;
    const { status, length, bodyAt, closes } = this.frame;
    const body = this.whole().subarray(bodyAt, length);
    this.parts = [];
    this.held = 0;
    this.frame = undefined;
    const pending = this.pending;
    this.pending = undefined;
    if (closes) {
      this.socket?.destroy();
      this.socket = undefined;
    }
    pending?.tell(status, body);
  }

  private whole(): Buffer {
    if (this.parts.length > 1) this.parts = [Buffer.concat(this.parts)];
    return this.parts[0] as Buffer;
  }

  private lose(socket: TLSSocket): void {
    if (this.socket !== socket && this.socket) return;
    this.socket = undefined;
    this.parts = [];
    this.held = 0;
    this.frame = undefined;
    this.break();
  }

  private break(): void {
    const pending = this.pending;
    this.pending = undefined;
    pending?.broke();
  }
}
