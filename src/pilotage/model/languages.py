"""Suffixes of files that run, in each language and template that people write programs of users in.

GitHub's linguist (`languages.yml`) is the source. Left out are what describes data or music, what hardly anybody runs
for users, and suffixes that mostly mean something else (`.1`, `.x`, `.cfg`). Styles count for nothing: what they break
is seen, and the risk model did not learn from them.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CODE = _words("""
    py pyx pyi pyw pxd pxi wsgi gyp rb rake ru rbi gemspec podspec thor js jsx mjs cjs ts tsx mts cts es6 jsm
    njs gjs gts coffee cjsx iced ls imba vue svelte astro marko riot go rs java kt kts ktm scala sc groovy gvy
    xtend ceylon golo c h cc cpp cxx c++ hpp hh hxx h++ ipp ixx inl tpp tcc txx cppm ino cu cuh hip ispc upc m
    mm metal cl glsl vert frag geom comp tesc tese hlsl wgsl shader cs csx cake fs fsx fsi vb bas frm vbs vba
    cls ctl php php3 php4 php5 phtml ctp inc hack hhi zep pl pm perl psgi cgi fcgi raku rakumod pm6 p6 swift
    lua luau moon tl fnl wren nut ex exs heex leex eex erl hrl xrl yrl escript lfe gleam clj cljs cljc cljx bb
    boot hs lhs hsc purs elm idr lean agda dhall ml mli ml4 mll mly re rei res resi sml fun r jl dart d di cr
    nim nims zig odin hare ha vala vapi hx pony e v sv svh vhd vhdl f f77 f90 f95 f03 f08 for pas dpr lpr ada
    adb ads cob cbl cobol cpy abap pli rpgle sqlrpgle prg 4gl p w bal al cds apex trigger cfm cfc asp aspx
    ascx asax ashx asmx master cshtml vbhtml razor jsp jspx tag jte gsp s asm nasm a51 wat wast ll sol vy
    cairo move sw clar tact fc func nr circom leo sh bash zsh ksh csh tcsh fish nu elv ps1 psm1 psd1 bat cmd
    applescript ahk awk gawk sed jq tcl el lisp lsp asd rkt rktl scm ss sld hy janet factor pro prolog qml gd
    gml sql pgsql psql plsql pls pks pkb pck ddl hql cql cypher surql edgeql esdl prisma proto thrift capnp
    fbs avdl smithy tsp graphql gql g4 y yy yacc l lex rl pegjs peggy jison rego cue jsonnet libsonnet nix pkl
    star ql qll p4 nf wdl smk snakefile stan sas xsl xslt xq xquery xqy swg swig pig dwl erb rhtml haml slim
    pug jade ejs ect hbs twig ecr templ jbuilder rabl builder mako latte edge mojo
""")

TEMPLATES = _words("""
    jinja jinja2 j2 liquid mustache handlebars njk ftl ftlh vm vtl tmpl gotmpl gohtml tpl soy eta vto volt
""")
"""Of pages, of mails and of settings: what their folder says of them comes first."""

PROGRAM_FOLDERS = ("bin", "sbin", "exe", "script", "scripts")
"""Where files without a suffix are programs."""
