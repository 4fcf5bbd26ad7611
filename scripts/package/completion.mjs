/** A completion for bash: commands, then the options of the command at hand, then files. */
export function renderCompletion({ commands }) {
  const firsts = [...new Set(commands.map(({ name }) => name.split(' ')[0]))];
  const cases = firsts.map((first) => {
    const own = commands.filter(({ name }) => name.split(' ')[0] === first);
    const words = own.flatMap(({ name, options }) => [
      ...name.split(' ').slice(1),
      ...options.map(({ long }) => long),
    ]);
    return `\t\t${first}) words='${[...new Set([...words, '--help'])].join(' ')}' ;;`;
  });
  return `# bash completion for resplice
# No word of it has spaces in it. shellcheck disable=SC2207

_resplice() {
	local cur words
	cur=\${COMP_WORDS[COMP_CWORD]}
	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W '${firsts.join(' ')} --help --version' -- "$cur"))
		return
	fi
	case \${COMP_WORDS[1]} in
${cases.join('\n')}
		*) words='' ;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -o default -F _resplice resplice
`;
}
