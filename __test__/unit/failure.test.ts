import { readHead } from '../../src/failure';
import { folder, write } from './git/tmp';

test('of a file only its beginning is read, and an error names it', () => {
  const root = folder();
  const path = write(root, 'a', 'abc');
  expect([2, 3, 64].map((most) => readHead(path, most).toString())).toEqual(['ab', 'abc', 'abc']);
  expect(readHead(write(root, 'empty', ''), 8)).toHaveLength(0);
  // Node opens a folder, and says of its descriptor alone that it cannot be read.
  expect(() => readHead(root, 8)).toThrow(expect.objectContaining({ path: root }));
});
