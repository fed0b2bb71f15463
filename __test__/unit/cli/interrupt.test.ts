import { listenForInterrupt } from '../../../src/cli/interrupt';

afterEach(() => jest.restoreAllMocks());

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s aborts the work and means exit code %d', (name, code) => {
  const exit = jest.spyOn(process, 'exit').mockImplementation((() => {}) as never);
  const interrupt = listenForInterrupt();
  try {
    expect(interrupt.exitCode()).toBeUndefined();
    process.emit(name, name);
    expect(interrupt.signal.aborted).toBe(true);
    expect(interrupt.exitCode()).toBe(code);
    expect(exit).not.toHaveBeenCalled();
    process.emit(name, name);
    expect(exit).toHaveBeenCalledWith(code);
  } finally {
    interrupt.dispose();
  }
});
