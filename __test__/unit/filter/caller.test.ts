import { hookFollows } from '../../../src/filter/by-hook';
import { callingCommand, commandOf, isCallerQuiet } from '../../../src/filter/caller';
import type { Repository } from '../../../src/git/repository';

test.each([
  ['git checkout -q main', 'checkout'],
  ['/usr/lib/git-core/git switch main', 'switch'],
  ['git -C checkout -c a.b=clone --git-dir switch status', 'status'],
  ['git --git-dir=x --no-pager -p clone url', 'clone'],
  ['git', null],
  ['git --version', null],
])('the command of %j', (line, command) => {
  expect(commandOf(line.split(' '))).toBe(command);
});

test('a parent that is not git, and one that is not there, say nothing', () => {
  expect(callingCommand(process.pid)).toBeNull();
  expect(callingCommand(0x7fff_fff0)).toBeNull();
  expect(isCallerQuiet(process.pid)).toBe(false);
});

test('no hook is expected under other commands, or with another index or work tree', async () => {
  const repo = { gitDir: '/nowhere' } as Repository;
  for (const command of [null, 'merge', 'reset', 'stash', 'rebase', 'checkout-index']) {
    expect(await hookFollows(repo, command)).toBe(false);
  }
  for (const name of ['GIT_INDEX_FILE', 'GIT_WORK_TREE']) {
    process.env[name] = 'elsewhere';
    expect(await hookFollows(repo, 'checkout')).toBe(false);
    delete process.env[name];
  }
});
