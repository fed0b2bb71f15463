/** The state of a repository, as the rest of the project sees it. */
export { gitStatusFromJson, printSixFields, sixFieldsIn } from './six-fields';
export {
  type ChangedFile,
  type GitStatus,
  type GitStatusOptions,
  gitStatus,
} from './state';
