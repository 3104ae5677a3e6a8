import type { Command, Option } from 'commander';

/**
 * Holds words against the commands that there are, without running anything: what runbooks print has to exist. Says what is wrong, or nothing.
 * Values that only the moment knows (`$CLUSTER`) pass for any value.
 */
export function faultOfWords(program: Command, words: readonly string[]): string | undefined {
  let command = program;
  const chain = [program];
  let operands = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    // What stands behind it is the words of another program.
    if (word === '--') {
      operands += words.length - at - 1;
      break;
    }
    if (word.startsWith('-') && word !== '-') {
      const [flag = '', value] = word.split(/=(.*)/s);
      const option = chain.flatMap(({ options }) => options).find((one) => one.short === flag || one.long === flag);
      if (flag === '--help' || flag === '-h') continue;
      if (!option) return `./holdfast ${named(chain)} has no option ${flag}`;
      if (flag === '--instance') return 'the instance is passed on: leave --instance out';
      if (!takesValue(option)) continue;
      const given = value ?? words[++at];
      if (given === undefined) return `./holdfast ${named(chain)}: ${flag} wants a value`;
      if (option.argChoices && !given.startsWith('$') && !option.argChoices.includes(given)) return `./holdfast ${named(chain)}: ${flag} ${given} is none of ${option.argChoices.join(', ')}`;
      continue;
    }
    const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next && operands === 0) {
      command = next;
      chain.push(next);
    } else operands++;
  }
  if (chain.length === 1) return `there is no command ./holdfast ${words.join(' ')}`;
  const { registeredArguments } = command;
  if (command.commands.length > 0 && registeredArguments.length === 0 && (operands > 0 || !actsItself(command))) return `./holdfast ${words.join(' ')}: ${named(chain)} wants one of ${command.commands.map((one) => one.name()).join(', ')}`;
  const required = registeredArguments.filter((one) => one.required).length;
  if (operands < required) return `./holdfast ${named(chain)} wants ${registeredArguments.map((one) => `<${one.name()}>`).join(' ')}`;
  if (operands > registeredArguments.length && !registeredArguments.some((one) => one.variadic)) return `./holdfast ${named(chain)} does not take so many words: ${words.join(' ')}`;
  return undefined;
}

/** A group that does something by itself, too, as `backups` lists them. Commander keeps that to itself. */
function actsItself(command: Command): boolean {
  return '_actionHandler' in command && command._actionHandler !== null;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function named(chain: readonly Command[]): string {
  return chain.slice(1).map((one) => one.name()).join(' ');
}
