import type { Catalogue } from '../../platform/cli/catalogue.ts';

/** 1 while a service or component of the catalogue is there, less while it or one of its replicas is not. */
export function presence({ components }: Catalogue, name: string): string {
  const says = components[name]?.says ?? `up{component="${name}", job!~"certificates|front-door"}`;
  return `clamp_max(min(${says}), 1)`;
}
