import { serve } from '@holdfast/kit/http-server';
import { config } from './config.ts';
import { UsersModule } from './users.module.ts';

await serve({ service: 'users', description: 'People: registration, profile, roles', module: UsersModule, config });
