import { answersFrom } from '@holdfast/kit/problem';
import type { ProblemTable, Refusal as RefusalOf } from '@holdfast/kit/problem';

export type RefusalCode = 'email_taken' | 'registration_in_progress' | 'password_refused' | 'person_unknown' | 'roles_not_yours_to_give';
export type Refusal = RefusalOf<RefusalCode>;

const table: ProblemTable<RefusalCode> = {
  email_taken: { status: 409, title: 'Somebody has registered with this e-mail address' },
  registration_in_progress: { status: 409, title: 'A registration with this e-mail address is under way', retryAfter_s: 2 },
  password_refused: { status: 422, title: 'The password does not meet the policy' },
  person_unknown: { status: 404, title: 'There is no such person' },
  roles_not_yours_to_give: { status: 403, title: 'Only an administrator gives roles' },
};

export const answer = answersFrom(table);
