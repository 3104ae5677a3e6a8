import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { firstValueFrom, from, type Observable } from 'rxjs';

/** Puts every request through a function that may handle it again, as long as that is harmless: it decides which failures it tries to mend. */
export class Repeat implements NestInterceptor {
  private readonly repeat: <T>(attempt: () => Promise<T>) => Promise<T>;

  constructor(repeat: <T>(attempt: () => Promise<T>) => Promise<T>) {
    this.repeat = repeat;
  }

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return from(this.repeat(() => firstValueFrom(next.handle(), { defaultValue: undefined })));
  }
}
