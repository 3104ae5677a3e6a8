import { Caller, Public, Roles } from '@holdfast/kit/authentication';
import type { CallerOf } from '@holdfast/kit/authentication';
import { Describe } from '@holdfast/kit/describe';
import { Parsed, ParsedParams } from '@holdfast/kit/parsed';
import { refuse } from '@holdfast/kit/problem';
import { Controller, Get, Patch, Post } from '@nestjs/common';
import { ChangePerson } from './change-person.ts';
import { PeopleStore } from './people.store.ts';
import { ChangePersonRequest, PersonParams, PersonResponse, RegisterPersonRequest, responseOf } from './person.ts';
import { answer } from './refusals.ts';
import { RegisterPerson } from './registration/register-person.ts';

@Controller('v1/users')
export class UsersController {
  constructor(
    private readonly registration: RegisterPerson,
    private readonly changes: ChangePerson,
    private readonly people: PeopleStore,
  ) {}

  @Public()
  @Post()
  @Describe({
    summary: 'Register a person',
    description: 'Open to everybody; the person becomes a customer. With the token of an administrator, `roles` may be given. Safe to send again after a 5xx.',
    body: RegisterPersonRequest,
    responses: { 201: PersonResponse },
    public: true,
  })
  async register(@Parsed(RegisterPersonRequest) request: RegisterPersonRequest, @Caller() caller: CallerOf | undefined): Promise<PersonResponse> {
    return responseOf(answer(await this.registration.register(request, caller)));
  }

  @Get('me')
  @Describe({ summary: 'Who I am', responses: { 200: PersonResponse } })
  async me(@Caller() caller: CallerOf): Promise<PersonResponse> {
    return this.read(caller.subject);
  }

  @Patch('me')
  @Describe({ summary: 'Change my name', body: ChangePersonRequest, responses: { 200: PersonResponse } })
  async change(@Parsed(ChangePersonRequest) request: ChangePersonRequest, @Caller() caller: CallerOf): Promise<PersonResponse> {
    return responseOf(answer(await this.changes.change(caller.subject, request)));
  }

  @Roles('operator', 'admin')
  @Get(':id')
  @Describe({ summary: 'A person, for operators and administrators; that it was read goes into the audit trail', params: PersonParams, responses: { 200: PersonResponse } })
  async person(@ParsedParams(PersonParams) params: PersonParams, @Caller() caller: CallerOf): Promise<PersonResponse> {
    if (params.id === caller.subject) return this.read(caller.subject);
    return responseOf(answer((await this.people.readOfAnother(params.id, caller.subject)) ?? refuse('person_unknown')));
  }

  private async read(id: string): Promise<PersonResponse> {
    return responseOf(answer((await this.people.byId(id)) ?? refuse('person_unknown')));
  }
}
