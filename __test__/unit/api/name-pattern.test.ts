import { namePattern } from '../../../src/api/name-pattern';

test.each([
  ['*.weight', 'layer.0.weight', true],
  ['*.weight', 'state_dict/layer.0.weight', true],
  ['*.weight', 'layer.0.bias', false],
  ['layer.?.weight', 'layer.3.weight', true],
  ['layer.?.weight', 'layer.33.weight', false],
  ['optimizer/**', 'optimizer/state/0/exp_avg', true],
  ['optimizer/**', 'model/optimizer/x', false],
  ['optimizer/*', 'optimizer/state/0', false],
  ['**/exp_avg', 'exp_avg', true],
  ['**/exp_avg', 'a/b/exp_avg', true],
  ['a/**/b', 'a/b', true],
  ['a/**/b', 'a/x/y/b', true],
  ['x[0-9]', 'x7', true],
  ['x[!0-9]', 'x7', false],
  ['x[!0-9]', 'xy', true],
  ['a[b', 'a[b', true],
  ['a\\*', 'a*', true],
  ['a\\*', 'ab', false],
  ['a.b', 'a+b', false],
  ['(a|b)+$', '(a|b)+$', true],
  ['?', '\u{1f600}', false],
  ['*', '', true],
  ['a\n*', 'a\nb', true],
])('%j and %j: %s', (pattern, name, expected) => {
  expect(namePattern(pattern)(name)).toBe(expected);
});
