import { listOption, option } from './command.ts'

/** The options by which `read` and `tail` choose events. */
export const filterInputs = {
  types: listOption('--type <type>', 'only events of this type'),
  prefix: option('--prefix <text>', 'only events of streams whose name begins so'),
  tags: listOption('--tag <tag>', 'only events with this tag'),
}
