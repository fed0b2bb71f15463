/**
 * A command line, fit to be published.
 *
 * In: the words of a command and the environment. Out: the same words, with `[redacted]` in the place of what looks
 * secret: values that have a telling name, tokens of a known form, credentials in addresses, and values of telling
 * variables of the environment. Very long command lines are cut. What has no telling name and no known form stays.
 */
import { redactUrl } from '../git/redact';

const REDACTED = '[redacted]';
const MOST_WORDS = 256;
const LONGEST = 4096;
/** Shorter values of variables are likely to stand in other words by chance. */
const SHORTEST_VALUE = 8;

/** Words that a telling name ends in. Tokens of a tokenizer are no secrets, nor are numbers of tokens. */
const SECRET = [
  '(?<!(?:pad|eos|bos|unk|mask|sep|cls|image|stop)[-_]?)token',
  '(?:api|access|secret|private|auth|account|encryption|signing|license|wandb)[-_.]?key(?:[-_.]?id)?',
  'secret',
  'passw(?:or)?d',
  'passphrase',
  'pwd',
  'credentials?',
  'authorization',
  'bearer',
].join('|');
const NAME = `(?<![\\w.-])[\\w.-]{0,200}?(?:${SECRET})`;
const VALUE = `(?:"[^"]*"?|'[^']*'?|[^\\s,;}&"']+)`;

const TELLING = new RegExp(`^${NAME}$`, 'i');
/** `--token`, of which the value is the next word. */
const OPTION = new RegExp(`^--?${NAME.replace('(?<![\\w.-])', '')}$`, 'i');
/** `token=…`, `"token": "…"`, wherever it stands in a word. */
const ASSIGNED = new RegExp(`(${NAME}["']?\\s*[=:]\\s*)${VALUE}`, 'gi');
/** `--token …` in a word that is a command line itself. */
const GIVEN = new RegExp(`((?<!\\S)--?${NAME.replace('(?<![\\w.-])', '')}\\s+)(?!-)${VALUE}`, 'gi');
const HEADER = /((?:authorization|cookie|x-[a-z-]*(?:key|token))\s*:\s*)[^"'\r\n]+/gi;
const SIGNED = /([?&](?:sig|signature|x-(?:amz|goog)-[a-z-]+)=)[^&\s"']+/gi;
const ADDRESS = /[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"'<>]*@[^\s"'<>]*/gi;

/** Tokens whose issuers give them a form. */
const KNOWN = [
  /(?<!\w)(?:hf|api_org)_[A-Za-z0-9]{16,}/g, // Hugging Face
  /(?<!\w)gh[opsur]_\w{16,}/g,
  /(?<!\w)github_pat_\w{16,}/g,
  /(?<!\w)gl[a-z]{1,5}-[\w-]{16,}/g, // GitLab
  /(?<!\w)sk-[\w-]{16,}/g,
  /(?<!\w)(?:AKIA|ASIA)[0-9A-Z]{16}/g,
  /(?<!\w)AIza[\w-]{30,}/g,
  /(?<!\w)xox[a-z]-[\w-]{10,}/g, // Slack
  /(?<!\w)(?:npm_|pypi-|dckr_pat_|nvapi-)[\w-]{16,}/g,
  /(?<!\w)eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, // JSON Web Token
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*/g,
];

/** The command line without what looks secret. */
export function redactCommand(
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): string[] {
  const values = secretValues(env);
  const words = command.slice(0, MOST_WORDS).map((word, at) => {
    const before = at === 0 ? '' : (command[at - 1] as string);
    // A flag has no value: what follows it is the next option.
    if (OPTION.test(before) && !/^--?[a-z]/i.test(word)) return REDACTED;
    return redactWord(word, values);
  });
  return command.length > MOST_WORDS ? [...words, '…'] : words;
}

function redactWord(word: string, values: readonly string[]): string {
  let text = word;
  for (const value of values) text = text.replaceAll(value, REDACTED);
  if (text.length > LONGEST) text = `${text.slice(0, LONGEST)}…`;
  for (const form of KNOWN) text = text.replace(form, REDACTED);
  return text
    .replace(ADDRESS, (address) => redactUrl(address) ?? REDACTED)
    .replace(HEADER, `$1${REDACTED}`)
    .replace(SIGNED, `$1${REDACTED}`)
    .replace(ASSIGNED, `$1${REDACTED}`)
    .replace(GIVEN, `$1${REDACTED}`);
}

/** Values of telling variables, the longest first, so that none hides in another one. */
function secretValues(env: Readonly<Record<string, string | undefined>>): string[] {
  const values = Object.entries(env)
    // The current folder is none.
    .filter(([name]) => TELLING.test(name) && !/^(OLD)?PWD$/.test(name))
    .map(([, value = '']) => value)
    .filter((value) => value.length >= SHORTEST_VALUE);
  return values.sort((a, b) => b.length - a.length);
}
