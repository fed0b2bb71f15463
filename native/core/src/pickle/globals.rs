//! What a pickle would import.
//!
//! In: a [`Graph`], also an unfinished one. Out: every global that it names, by GLOBAL, INST or STACK_GLOBAL,
//! used or not. Python 2's names are given as Python 3's unpickler translates them (`fix_imports`, up to
//! protocol 2). Specification: Python's `Lib/_compat_pickle.py` and `Unpickler.find_class`.

use std::collections::BTreeSet;

use super::graph::{Graph, NodeId};
use super::text::beginning;

/// Names that are listed.
const MOST: usize = 1000;

/// All globals as `module.name`, sorted; the first [`MOST`] of them.
#[must_use]
pub fn globals(graph: &Graph<'_>) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut more = false;
    for id in 0..graph.nodes.len() {
        let Some(name) = u32::try_from(id).ok().and_then(|id| name(graph, id)) else {
            continue;
        };
        found.insert(name);
        if found.len() > MOST {
            found.pop_last();
            more = true;
        }
    }
    let more = more.then(|| format!("… (more than {MOST} names)"));
    found.into_iter().chain(more).collect()
}

/// `module.name` of a global, as Python 3 looks it up, shortened.
pub(super) fn name(graph: &Graph<'_>, id: NodeId) -> Option<String> {
    let (module, name) = graph.global(id)?;
    let (module, name) = if protocol(graph) < 3 {
        fix_imports(module, name)
    } else {
        (module, name)
    };
    let shown = |text| {
        let (text, whole) = beginning(text);
        if whole { text } else { text + "…" }
    };
    Some(shown(module) + "." + &shown(name))
}

fn protocol(graph: &Graph<'_>) -> u8 {
    match *graph.bytes {
        [0x80, version, ..] => version,
        _ => 0,
    }
}

/// Python 3's names for what Python 2 called `module.name`.
pub(super) fn fix_imports<'t>(module: &'t [u8], name: &'t [u8]) -> (&'t [u8], &'t [u8]) {
    if let Some(renamed) = renamed(module, name) {
        return renamed;
    }
    (moved(module).map_or(module, str::as_bytes), name)
}

/// Names that have another name or another module than their neighbours.
fn renamed(module: &[u8], name: &[u8]) -> Option<(&'static [u8], &'static [u8])> {
    let (module, name) = match (module, name) {
        (b"__builtin__", b"xrange") => ("builtins", "range"),
        (b"__builtin__", b"reduce") => ("functools", "reduce"),
        (b"__builtin__", b"intern") => ("sys", "intern"),
        (b"__builtin__", b"unichr") => ("builtins", "chr"),
        (b"__builtin__", b"unicode" | b"basestring") => ("builtins", "str"),
        (b"__builtin__", b"long") => ("builtins", "int"),
        (b"itertools", b"izip") => ("builtins", "zip"),
        (b"itertools", b"imap") => ("builtins", "map"),
        (b"itertools", b"ifilter") => ("builtins", "filter"),
        (b"itertools", b"ifilterfalse") => ("itertools", "filterfalse"),
        (b"itertools", b"izip_longest") => ("itertools", "zip_longest"),
        (b"UserDict", b"IterableUserDict") => ("collections", "UserDict"),
        (b"exceptions", b"StandardError") => ("builtins", "Exception"),
        (b"socket", b"_socketobject") => ("socket", "SocketType"),
        (b"_socket", b"fromfd") => ("socket", "fromfd"),
        (b"_multiprocessing", b"Connection") => ("multiprocessing.connection", "Connection"),
        (b"multiprocessing.process", b"Process") => ("multiprocessing.context", "Process"),
        (b"multiprocessing.forking", b"Popen") => ("multiprocessing.popen_fork", "Popen"),
        (b"multiprocessing", b"AuthenticationError") => {
            ("multiprocessing.context", "AuthenticationError")
        }
        (b"multiprocessing", b"BufferTooShort") => ("multiprocessing.context", "BufferTooShort"),
        (b"multiprocessing", b"ProcessError") => ("multiprocessing.context", "ProcessError"),
        (b"multiprocessing", b"TimeoutError") => ("multiprocessing.context", "TimeoutError"),
        (b"urllib", b"ContentTooShortError") => ("urllib.error", "ContentTooShortError"),
        (b"urllib", b"getproxies") => ("urllib.request", "getproxies"),
        (b"urllib", b"pathname2url") => ("urllib.request", "pathname2url"),
        (b"urllib", b"url2pathname") => ("urllib.request", "url2pathname"),
        (b"urllib", b"urlcleanup") => ("urllib.request", "urlcleanup"),
        (b"urllib", b"urlopen") => ("urllib.request", "urlopen"),
        (b"urllib", b"urlretrieve") => ("urllib.request", "urlretrieve"),
        (b"urllib", b"quote") => ("urllib.parse", "quote"),
        (b"urllib", b"quote_plus") => ("urllib.parse", "quote_plus"),
        (b"urllib", b"unquote") => ("urllib.parse", "unquote"),
        (b"urllib", b"unquote_plus") => ("urllib.parse", "unquote_plus"),
        (b"urllib", b"urlencode") => ("urllib.parse", "urlencode"),
        (b"urllib2", b"HTTPError") => ("urllib.error", "HTTPError"),
        (b"urllib2", b"URLError") => ("urllib.error", "URLError"),
        _ => return None,
    };
    Some((module.as_bytes(), name.as_bytes()))
}

/// Modules that have another name.
fn moved(module: &[u8]) -> Option<&'static str> {
    Some(match module {
        b"__builtin__" | b"exceptions" => "builtins",
        b"copy_reg" => "copyreg",
        b"Queue" => "queue",
        b"SocketServer" => "socketserver",
        b"ConfigParser" => "configparser",
        b"repr" => "reprlib",
        b"tkFileDialog" | b"FileDialog" => "tkinter.filedialog",
        b"tkSimpleDialog" | b"SimpleDialog" => "tkinter.simpledialog",
        b"tkColorChooser" => "tkinter.colorchooser",
        b"tkCommonDialog" => "tkinter.commondialog",
        b"Dialog" => "tkinter.dialog",
        b"Tkdnd" => "tkinter.dnd",
        b"tkFont" => "tkinter.font",
        b"tkMessageBox" => "tkinter.messagebox",
        b"ScrolledText" => "tkinter.scrolledtext",
        b"Tkconstants" => "tkinter.constants",
        b"Tix" => "tkinter.tix",
        b"ttk" => "tkinter.ttk",
        b"Tkinter" => "tkinter",
        b"markupbase" => "_markupbase",
        b"_winreg" => "winreg",
        b"thread" => "_thread",
        b"dummy_thread" => "_dummy_thread",
        b"dbhash" => "dbm.bsd",
        b"dumbdbm" => "dbm.dumb",
        b"dbm" => "dbm.ndbm",
        b"gdbm" => "dbm.gnu",
        b"anydbm" | b"whichdb" => "dbm",
        b"xmlrpclib" => "xmlrpc.client",
        b"SimpleXMLRPCServer" | b"DocXMLRPCServer" => "xmlrpc.server",
        b"httplib" => "http.client",
        b"htmlentitydefs" => "html.entities",
        b"HTMLParser" => "html.parser",
        b"Cookie" => "http.cookies",
        b"cookielib" => "http.cookiejar",
        b"BaseHTTPServer" | b"SimpleHTTPServer" | b"CGIHTTPServer" => "http.server",
        b"test.test_support" => "test.support",
        b"commands" => "subprocess",
        b"urlparse" => "urllib.parse",
        b"robotparser" => "urllib.robotparser",
        b"urllib2" => "urllib.request",
        b"_abcoll" => "collections.abc",
        b"UserDict" | b"UserList" | b"UserString" => "collections",
        b"cPickle" => "pickle",
        b"_elementtree" => "xml.etree.ElementTree",
        b"StringIO" | b"cStringIO" => "io",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Limits;
    use crate::pickle::{read, survey};

    #[test]
    fn every_global_that_is_named() {
        let pickle =
            b"\x80\x02c__builtin__\nset\n0(icopy_reg\n_reconstructor\n0c__builtin__\nset\n.";
        let graph = read(pickle, 0, &Limits::default()).unwrap();
        assert_eq!(globals(&graph), ["builtins.set", "copyreg._reconstructor"]);
        // Protocol 4 has Python 3's names.
        let pickle =
            b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R\x8c\x04repr\x8c\x01x\x93\x86.";
        let graph = read(pickle, 0, &Limits::default()).unwrap();
        assert_eq!(globals(&graph), ["posix.system", "repr.x"]);
        // Also before a fault.
        let (graph, end) = survey(b"cos\nsystem\n\xff", 0, &Limits::default());
        assert!(end.is_err());
        assert_eq!(globals(&graph), ["os.system"]);
    }

    #[test]
    fn many_and_long_names_are_cut() {
        let long = "x".repeat(1 << 20);
        let mut pickle = format!("(c{long}\n{long}\n").into_bytes();
        for name in 0..2 * MOST {
            pickle.extend(format!("cm\nn{name}\n").into_bytes());
        }
        pickle.extend(b"t.");
        let found = globals(&read(&pickle, 0, &Limits::default()).unwrap());
        assert_eq!(found.len(), MOST + 1);
        assert_eq!(found[MOST], format!("… (more than {MOST} names)"));
        assert!(found.iter().all(|name| name.len() < 500));
    }

    #[test]
    fn names_of_python_2() {
        for (from, to) in [
            ("__builtin__.long", "builtins.int"),
            ("__builtin__.dict", "builtins.dict"),
            ("exceptions.ValueError", "builtins.ValueError"),
            ("urllib.quote", "urllib.parse.quote"),
            ("urllib.other", "urllib.other"),
            ("UserDict.UserDict", "collections.UserDict"),
            ("whichdb.whichdb", "dbm.whichdb"),
            ("numpy.ndarray", "numpy.ndarray"),
        ] {
            let (module, name) = from.rsplit_once('.').unwrap();
            let (module, name) = fix_imports(module.as_bytes(), name.as_bytes());
            let found = [module, b".", name].concat();
            assert_eq!(found, to.as_bytes(), "{from}");
        }
    }
}
