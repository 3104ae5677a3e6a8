import { BadRequestException, InternalServerErrorException, NotFoundException } from '@nestjs/common';
import { describe, expect, test } from '@jest/globals';
import { problemFrom } from './problem-filter.ts';
import { answersFrom, Problem, refuse } from './problem.ts';

const answer = answersFrom({ exceeds_balance: { status: 422, title: 'Not enough' }, busy: { status: 409, title: 'Busy', retryAfter_s: 2 } });

describe('problems', () => {
  test('what succeeded passes through, what was refused becomes its row', () => {
    expect(answer({ id: 1 })).toEqual({ id: 1 });
    expect(() => answer(refuse('exceeds_balance', 'short of 5'))).toThrow(expect.objectContaining({ status: 422, code: 'exceeds_balance', detail: 'short of 5' }));
    expect(() => answer(refuse('busy'))).toThrow(expect.objectContaining({ headers: { 'retry-after': '2' } }));
  });

  test('the body is RFC 9457 with the trace', () => {
    expect(new Problem({ status: 422, code: 'x', title: 'X', members: { errors: [] } }).body('t')).toEqual({
      type: 'urn:holdfast:problem:x', title: 'X', status: 422, code: 'x', trace_id: 't', errors: [],
    });
  });

  test('a bug tells the client nothing of itself', () => {
    for (const bug of [new Error('select * from secrets'), new TypeError('x'), 'text', undefined, new InternalServerErrorException('inner')]) {
      expect(JSON.stringify(problemFrom(bug).body(undefined))).toBe(JSON.stringify({ type: 'urn:holdfast:problem:internal', title: 'Something went wrong on our side', status: 500, code: 'internal' }));
    }
  });

  test('exceptions of Nest and Fastify keep their status', () => {
    expect(problemFrom(new BadRequestException('bad')).code).toBe('invalid_request');
    expect(problemFrom(new NotFoundException('Cannot GET /x')).detail).toBeUndefined();
    expect(problemFrom(Object.assign(new Error('too large'), { code: 'FST_ERR_CTP_BODY_TOO_LARGE', statusCode: 413 })).status).toBe(413);
    expect(problemFrom(Object.assign(new Error('from somewhere else'), { statusCode: 404 })).status).toBe(500);
  });
});
