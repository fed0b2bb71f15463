#!/usr/bin/env node
'use strict';

const progress = (label, quiet) =>
  require('../dist/cli/ui/transfer.js').transferProgress(label, { quiet });
require('../dist/filter/main.js')
  .main(process.argv.slice(2), progress)
  .then((code) => {
    process.exitCode = code;
  });
