// Addresses without credentials, names that CI systems give, and answers of git taken apart.
import { ciHints } from '../../../src/provenance/git/ci';
import { parseStatus } from '../../../src/provenance/git/porcelain';
import { redactUrl } from '../../../src/provenance/git/redact';
import { statedState } from '../../../src/provenance/git/stated';

const ID = 'a'.repeat(40);

test.each([
  ['https://host/a.git', 'https://host/a.git'],
  ['https://user:pass@host/a.git', 'https://host/a.git'],
  ['https://ghp_token@host:8443/a@v1.git', 'https://host:8443/a@v1.git'],
  ['HTTPS://u:p@ss@host/a', 'HTTPS://host/a'],
  ['https://u:pa/ss@host/a', 'https://host/a'],
  ['https://host/a.git?private_token=x#y', 'https://host/a.git'],
  ['https://[::1]:80/a', 'https://[::1]:80/a'],
  ['ssh://git:secret@host/a.git', 'ssh://git@host/a.git'],
  ['ssh://git@host:22/a.git', 'ssh://git@host:22/a.git'],
  ['git@host:a/b.git', 'git@host:a/b.git'],
  ['user:secret@host:a/b.git', 'host:a/b.git'],
  ['user:sec/ret@host:a/b.git', 'host:a/b.git'],
  ['host:a@b/c', 'b/c'],
  ['host:a/b@c', 'host:a/b@c'],
  ['alice@host:~/a', 'alice@host:~/a'],
  ['C:/work/a', null],
  ['C:\\work\\a@b', null],
  ['/srv/a@b.git', null],
  ['/srv/a:b.git', null],
  ['../a', null],
  ['a', null],
  ['file:///srv/a', null],
  ['codecommit::https://u:p@host/a', 'codecommit::https://host/a'],
  ['ext::sh -c "curl -u me:pw host"', null],
])('the address %s is told as %s', (address, told) => {
  expect(redactUrl(address)).toBe(told);
});

test('hints of a CI system', () => {
  expect(ciHints({})).toBeNull();
  const github = { GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'a/b', GITHUB_RUN_ID: '7' };
  expect(ciHints({ ...github, GITHUB_REF_NAME: 'main', GITHUB_SHA: ID })).toEqual({
    system: 'github',
    repository: 'a/b',
    branch: 'main',
    commit: ID,
    run: '7',
  });
  const request = { ...github, GITHUB_REF_NAME: '7/merge', GITHUB_HEAD_REF: 'feature' };
  expect(ciHints(request)?.branch).toBe('feature');
  const tag = { ...github, GITHUB_REF_NAME: 'v1', GITHUB_REF_TYPE: 'tag' };
  expect(ciHints(tag)).not.toHaveProperty('branch');
  const buildkite = {
    BUILDKITE: 'true',
    BUILDKITE_COMMIT: 'HEAD',
    BUILDKITE_REPO: 'https://u:p@h/a',
  };
  expect(ciHints(buildkite)).toEqual({ system: 'buildkite', repository: 'https://h/a' });
  const gitlab = {
    GITLAB_CI: '1',
    CI_COMMIT_REF_NAME: 'x',
    CI_PIPELINE_ID: '1',
    CI_COMMIT_SHA: ID,
  };
  expect(ciHints(gitlab)).toEqual({ system: 'gitlab', branch: 'x', commit: ID, run: '1' });
  const jenkins = { JENKINS_URL: 'https://ci', GIT_BRANCH: 'b'.repeat(2000) };
  expect(ciHints(jenkins)).toEqual({ system: 'jenkins' });
});

test('records of git status', () => {
  const text = [
    `# branch.oid ${ID}`,
    '# branch.head main',
    '# branch.upstream origin/main',
    '# branch.ab +2 -3',
    `1 .M N... 100644 100644 100644 ${ID} ${ID} a file`,
    `u UU N... 100644 100644 100644 100644 ${ID} ${ID} ${ID} both sides`,
    '? new one',
    '',
  ].join('\0');
  const found = parseStatus(text);
  expect(found.commit).toBe(ID);
  expect(found.upstream).toEqual({ ref: 'origin/main', ahead: 2, behind: 3 });
  expect(found.entries.map(({ path, conflict }) => [path, conflict])).toEqual([
    ['a file', false],
    ['both sides', true],
  ]);
  expect(found.untracked).toEqual(['new one']);
  expect(parseStatus('# branch.oid (initial)\0').commit).toBeNull();
  expect(parseStatus('# branch.upstream gone/main\0').upstream).toBeNull();
  expect(() => parseStatus('9 what\0')).toThrow(
    expect.objectContaining({ code: 'ERR_THETA_PROTOCOL' }),
  );
});

test('a state that the environment states', () => {
  expect(statedState({})).toBeNull();
  expect(statedState({ GIT_THETA_GIT_COMMIT: `${ID.toUpperCase()}\n` })).toMatchObject({
    source: 'env',
    commit: ID,
    object_format: 'sha1',
    branch: null,
    dirty: null,
    code_dirty: false,
  });
  const given = { GIT_THETA_GIT_COMMIT: 'b'.repeat(64), GIT_THETA_GIT_BRANCH: 'x' };
  expect(statedState({ ...given, GIT_THETA_GIT_DIRTY: 'yes' })).toMatchObject({
    object_format: 'sha256',
    branch: 'x',
    dirty: true,
    code_dirty: true,
  });
  const code = { code: 'ERR_THETA_PROVENANCE_NO_GIT' };
  expect(() => statedState({ GIT_THETA_GIT_COMMIT: 'main' })).toThrow(
    expect.objectContaining(code),
  );
  expect(() => statedState({ ...given, GIT_THETA_GIT_DIRTY: 'maybe' })).toThrow(
    expect.objectContaining(code),
  );
});
