import * as api from '../../../src/index';

test('the package exports these names and no others', () => {
  expect(Object.keys(api).sort()).toEqual([
    'ThetaError',
    'check',
    'compareManifests',
    'compose',
    'decompose',
    'diffStamps',
    'gitStatus',
    'gitStatusFromJson',
    'gitStatusFromLightningCheckpoint',
    'inspect',
    'isThetaError',
    'keygen',
    'listSnapshots',
    'objectsOf',
    'openRepository',
    'parseManifest',
    'printManifest',
    'readStamp',
    'readTensor',
    'restore',
    'run',
    'sign',
    'snapshot',
    'stamp',
    'trace',
    'unstamp',
    'verifySignature',
    'verifyStamp',
  ]);
});
