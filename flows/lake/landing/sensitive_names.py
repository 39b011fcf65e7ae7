"""Owns what a column's name says it holds, in Portuguese, Spanish and English.

A name is split into words (`dtNascimento`, `DT_NASC` and `data de nascimento` alike), without accents. Precision comes
first: `name` alone is the name of anything, so that such a column counts only where many of its cells begin with a
given name that is common in one of the three languages.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from flows.lake.landing.sensitive_cells import Kind

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SMALL = frozenset("de do da dos das del la el los of the".split())

_BIRTH = frozenset(
    "birth birthdate birthday dob nascimento nasc dtnasc datanascimento nacimiento fechanacimiento".split()
)
_NOT_BIRTH = frozenset(
    "place local lugar city cidade ciudad country pais weight peso order rate control year ano mes month hora "
    "time municipio uf estado state".split()
)
_PHONES = frozenset(
    "phone phones telephone telefone telefones tel fone celular cel whatsapp mobile cellphone telefono telefonos "
    "movil fax fones celulares zap contato contatos contacto contactos contact contacts".split()
)
_VERSIONS = frozenset("version versao versions versoes versiones ver release build firmware".split())
_PASSPORTS = frozenset("passport passaporte pasaporte".split())
_RGS = frozenset("rg".split())
_ADDRESSES = frozenset("address addr endereco logradouro domicilio direccion street streetaddress rua calle".split())
_NOT_POSTAL = frozenset(
    "email mail ip mac web url site http memory wallet state type tipo id code cod numero number".split()
)

_PERSONS = frozenset(
    "customer client patient employee person student teacher owner holder cardholder mother father beneficiary "
    "applicant guest passenger user member cliente paciente funcionario funcionaria aluno aluna servidor "
    "servidora titular pessoa beneficiario beneficiaria responsavel socio socia mae pai medico medica professor "
    "professora empregado candidato candidata eleitor artista usuario usuaria contribuinte segurado dependente "
    "conjuge empleado empleada estudiante alumno alumna persona madre padre afiliado asegurado".split()
)
_NAMES = frozenset("name nome nombre nombres names nm".split())
_SURE_NAMES = frozenset(
    "firstname lastname fullname surname forename givenname familyname middlename maidenname sobrenome apellido "
    "apellidos nomecompleto nombrecompleto cardholder".split()
)
_PARTS_OF_NAMES = frozenset(
    "first last full given family middle maiden completo completa primeiro ultimo social primer".split()
)
_BARE = frozenset("name nome nombre nombres nm".split())

GIVEN_NAMES = frozenset(
    "maria jose ana joao antonio francisco carlos paulo pedro lucas luiz luis marcos gabriel rafael daniel "
    "marcelo bruno eduardo felipe rodrigo manoel mateus andre fernando fabio leonardo gustavo guilherme leandro "
    "tiago thiago anderson ricardo marcio jorge sebastiao alexandre roberto edson diego vitor sergio claudio "
    "matheus geraldo adriano luciano julio renato alex vinicius rogerio samuel ronaldo mario flavio douglas igor "
    "davi manuel jeferson cicero victor miguel robson mauricio danilo henrique caio reginaldo joaquim benedito "
    "gilberto marco alan nelson cristiano elias wilson valdir emerson luan david renan severino fabricio mauro "
    "jonas gilmar jean fabiano wesley diogo adilson francisca antonia adriana juliana marcia fernanda patricia "
    "aline sandra camila amanda bruna jessica leticia julia luciana vanessa mariana gabriela vera vitoria larissa "
    "claudia beatriz rita luana sonia renata eliane josefa simone natalia cristiane carla debora rosangela "
    "jaqueline rosa daniela aparecida marlene terezinha raimunda andreia fabiana lucia raquel angela rafaela "
    "joana luzia elaine daniele regina isabel helena marta rosana alice laura cecilia sofia silvia juan javier "
    "alejandro pablo sergio diego raul ruben oscar angel enrique ramon vicente ivan hector cesar rosario carmen "
    "dolores pilar teresa cristina mercedes guadalupe lourdes veronica monica elena alejandra andrea james john "
    "robert michael william richard joseph thomas charles christopher matthew anthony mark donald steven paul "
    "andrew joshua kenneth kevin brian george edward ronald timothy jason jeffrey ryan jacob gary nicholas eric "
    "jonathan stephen larry justin scott brandon benjamin frank gregory raymond patrick jack dennis jerry tyler "
    "aaron henry peter mary jennifer linda elizabeth barbara susan sarah karen nancy lisa betty margaret ashley "
    "kimberly emily donna michelle carol dorothy melissa deborah stephanie rebecca sharon cynthia kathleen amy "
    "shirley anna brenda pamela emma nicole katherine samantha christine catherine virginia rachel janet maria "
    "heather diane ruth julie olivia joyce victoria kelly christina joan evelyn lauren judith megan martha hannah "
    "jane grace".split()
)


def words_of(name: str) -> list[str]:
    """Return the words of a column's name: lower case, without accents, `de` and their like."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    return [word.lower() for word in _WORDS.findall(plain) if word.lower() not in _SMALL]


@lru_cache(4_096)
def kind_of_name(name: str) -> Kind | None:
    """Return the kind of data that a column's name speaks of."""
    words = words_of(name)
    there = set(words)
    if there & _BIRTH and not there & _NOT_BIRTH:
        return "birth date"
    if there & _PASSPORTS:
        return "passport number"
    if there & _PHONES and not there & {"service", "servico", "type", "tipo", "model", "modelo"}:
        return "phone number"
    if there & _RGS and len(words) <= 2:
        return "RG"
    if there & _ADDRESSES and not there & _NOT_POSTAL and len(words) <= 3:
        return "postal address"
    if _speaks_of_persons(words):
        return "name of a person"
    return None


def speaks_of_versions(name: str) -> bool:
    """Return whether a column's name speaks of a program's version, which looks like an IP address."""
    return bool(_VERSIONS & set(words_of(name)))


def _speaks_of_persons(words: list[str]) -> bool:
    there = set(words)
    if there & _SURE_NAMES or len(words) > 4:
        return bool(there & _SURE_NAMES)
    return bool(there & _NAMES) and bool(there & (_PERSONS | _PARTS_OF_NAMES))


@lru_cache(4_096)
def is_bare_name(name: str) -> bool:
    """Return whether a column is called name and nothing else."""
    words = words_of(name)
    return len(words) == 1 and words[0] in _BARE


def begins_with_given_name(text: str) -> bool:
    """Return whether a text is a common given name and at least one word more."""
    words = text.replace(",", " ").split()
    return len(words) > 1 and bool(set(words_of(words[0])) & GIVEN_NAMES)
