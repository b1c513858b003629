// Runs tests by their names, one after the other: a line each, and the exit status says whether all passed.
export async function run(tests) {
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test();
      console.log(`ok ${name}`);
    } catch (error) {
      console.log(`FAILED ${name}: ${error?.stack ?? error}`);
      process.exitCode = 1;
    }
  }
}
