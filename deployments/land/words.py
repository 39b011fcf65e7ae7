"""What `land` says to the person in front of it, in Portuguese or English; the log in the lake is always English."""

from __future__ import annotations

from collections.abc import Mapping

_TEXTS = {
    "nothing_shown": (
        "Nothing that you type or paste is shown.",
        "Nada do que você digitar ou colar aparece na tela.",
    ),
    "ask_key": ("AWS access key ID", "ID da chave de acesso da AWS (AWS access key ID)"),
    "ask_secret": ("AWS secret access key", "Chave de acesso secreta da AWS (AWS secret access key)"),
    "ask_token": (
        "AWS session token (empty for long-lived keys)",
        "Token de sessão da AWS (vazio para chaves permanentes)",
    ),
    "no_credentials": (
        "There are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (with temporary keys also"
        " AWS_SESSION_TOKEN), or name a profile with --profile NAME, or run where there is a role.",
        "Não há credenciais: defina AWS_ACCESS_KEY_ID e AWS_SECRET_ACCESS_KEY (com chaves temporárias também"
        " AWS_SESSION_TOKEN), ou indique um perfil com --profile NOME, ou execute onde houver uma role.",
    ),
    "half": (
        "Half of a key is in the environment. Also set {missing}.",
        "Só há metade de uma chave no ambiente. Defina também {missing}.",
    ),
    "no_profile": (
        "There is no AWS profile {name!r}; it would be in ~/.aws/config or ~/.aws/credentials.",
        "Não existe o perfil {name!r} da AWS; ele estaria em ~/.aws/config ou ~/.aws/credentials.",
    ),
    "lasting": ("These keys do not expire.", "Estas chaves não expiram."),
    "renewed": ("The session renews itself.", "A sessão se renova sozinha."),
    "expire_at": ("These keys expire at {when}.", "Estas chaves expiram em {when}."),
    "expire_soon": (
        "These keys expire at {when}, in {minutes} min: renew them now if the folder is large.",
        "Estas chaves expiram em {when}, daqui a {minutes} min: renove-as agora se a pasta for grande.",
    ),
    "have_expired": ("These keys expired at {when}.", "Estas chaves expiraram em {when}."),
    "expire_somewhen": (
        "These are temporary keys, and AWS does not say when they expire.",
        "Estas chaves são temporárias, e a AWS não informa quando expiram.",
    ),
    "expire_lab": (
        "These are keys of an AWS Academy lab: they end with the lab session, 4 hours after Start Lab at most"
        " (the timer of the lab's page shows the rest).",
        "Estas chaves são de um laboratório da AWS Academy: expiram com a sessão do laboratório, no máximo 4 horas"
        " depois de Start Lab (o cronômetro na página do laboratório mostra quanto falta).",
    ),
    "take_new": (
        "Take new keys where these came from (AWS Academy: Start Lab, then AWS Details, AWS CLI: Show)",
        "Copie chaves novas de onde vieram estas (AWS Academy: Start Lab, depois AWS Details, AWS CLI: Show)",
    ),
    "expired_now": (
        "The keys have expired, or the session token is not theirs.",
        "As chaves expiraram, ou o token de sessão não é delas.",
    ),
    "evidence": ("The evidence page: {path}", "A página de evidências: {path}"),
    "title": ("Evidence of a landing", "Evidências de uma ingestão"),
    "tree": ("The lake", "O lake"),
    "tree_cut": ("{count} objects are shown; there are more.", "São mostrados {count} objetos; há outros."),
    "files": ("Files", "Arquivos"),
    "why": ("Why", "Motivo"),
    "info": ("What each file holds", "O conteúdo de cada arquivo"),
    "log": ("The log", "O log"),
    "file": ("File", "Arquivo"),
    "outcome": ("Outcome", "Resultado"),
    "shape": ("Rows x columns", "Linhas x colunas"),
    "size": ("Size", "Tamanho"),
    "key": ("Key", "Chave"),
    "proof": ("Verified by", "Verificado por"),
    "day": ("Partition date", "Data da partição"),
    "bucket": ("Bucket", "Bucket"),
    "source": ("Source", "Origem"),
    "started": ("Started", "Início"),
    "run": ("Run", "Execução"),
    "dry": ("Dry run: nothing was written.", "Simulação: nada foi gravado."),
}


class Words:
    """The texts in one language.

    Args:
        environ: The environment, whose LC_ALL, LC_MESSAGES or LANG names the language.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        named = (environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
        self.language = "pt-BR" if next(filter(None, named), "").lower().startswith("pt") else "en"

    def __call__(self, name: str, /, **values: object) -> str:
        """Return a text, with values filled in."""
        return _TEXTS[name][self.language == "pt-BR"].format(**values)
