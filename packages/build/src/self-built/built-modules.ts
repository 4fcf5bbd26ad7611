/** The module files of a build, from its modules.order: `.ko` there up to 6.3, `.o` since. */
export function parseBuiltModules(order: string): readonly string[] {
  return order.split('\n').flatMap((line) => {
    const path = line.trim().replace(/^kernel\//, '');
    return path === '' ? [] : [path.replace(/\.o$/, '.ko')];
  });
}
