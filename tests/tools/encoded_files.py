"""Small CSV files in many languages and the code pages in which they are kept, each made from a seed.

The names, towns and goods are ordinary words of each language; the text of a file is known, so that an encoding is
right when the bytes decode to it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

ROWS = 30


@dataclass(frozen=True)
class Language:
    """What people write in a language, and the encodings in which they keep it."""

    header: str
    names: str
    towns: str
    goods: str
    encodings: str


@dataclass(frozen=True)
class EncodedFile:
    """A file's bytes, with what they mean."""

    language: str
    encoding: str
    text: str

    @property
    def content(self) -> bytes:
        """The file as it is stored."""
        return self.text.encode(self.encoding)

    def reads_right(self, encoding: str) -> bool:
        """Return whether an encoding gives the file's text."""
        try:
            return self.content.decode(encoding) == self.text
        except (UnicodeDecodeError, LookupError):
            return False


LANGUAGES = {
    "Portuguese": Language(
        "código;nome;município;descrição;preço;emissão",
        "João da Silva;Ana Conceição;Antônio Gonçalves;José Araújo;Mônica Magalhães;Luís Simões;Fábio Assunção;"
        "Márcia Guimarães;Paulo Souza;Cecília Brandão;Sérgio Leão;Inês Galvão;Maria Oliveira;Ângela Frazão",
        "São Paulo;Brasília;Goiânia;Belém;Maceió;Florianópolis;Cuiabá;Vitória;Niterói;Ribeirão Preto;Maringá;Santos;"
        "Jundiaí;Avaré;Três Corações;Campinas",
        "pão francês;feijão preto;açúcar;café em grãos;maçã;óleo de soja;sabão em pó;água sem gás;lâmpada;pêssego;"
        "carvão;macarrão;caixa de som",
        "cp1252 iso-8859-1 cp850 iso-8859-15 mac-roman",
    ),
    "Spanish": Language(
        "código;nombre;ciudad;descripción;precio;emisión",
        "José Martínez;María Fernández;Ángel Muñoz;Íñigo Peña;Sofía Núñez;Andrés Gómez;Lucía Ibáñez;Raúl Jiménez;"
        "Carmen Ruiz;Begoña Cañas;Julián Páez;Inés Ordóñez;Pedro Sánchez;Óscar Argüelles",
        "Málaga;Córdoba;León;Cádiz;A Coruña;Logroño;Ávila;Bogotá;Medellín;Asunción;Mérida;Madrid;Sevilla;Cúcuta",
        "jamón ibérico;azúcar;café molido;champú;jabón;melón;atún en lata;paño;lápiz;aceite de oliva;pingüino;leña;"
        "cigüeña",
        "cp1252 iso-8859-1 cp850 iso-8859-15 mac-roman",
    ),
    "French": Language(
        "numéro;nom;ville;désignation;prix;échéance",
        "François Lefèvre;Hélène Dubois;Jérôme Béranger;Anaïs Gérard;Éric Côté;Cécile Noël;Benoît Hébert;Zoé Rivière;"
        "Paul Martin;Élodie Pépin;René Maître;Léa Desprès;Loïc Prévost;Agnès Bérard",
        "Orléans;Besançon;Nîmes;Saint-Étienne;Béziers;Angoulême;Évreux;Montréal;Québec;Genève;Paris;Lyon;Mâcon;Sète",
        "crème fraîche;pâté de campagne;thé glacé;bière blonde;gâteau;épinards;fenêtre;clé à molette;câble;étagère;"
        "fromage râpé;garçon de café;brûleur;pièce détachée",
        "cp1252 iso-8859-1 cp850 iso-8859-15 mac-roman",
    ),
    "German": Language(
        "Nummer;Name;Straße;Bezeichnung;Preis;Fällig",
        "Jürgen Müller;Björn Schäfer;Käthe Weiß;Günter Groß;Jörg Köhler;Sören Krämer;Anna Schmidt;Ulrike Döring;"
        "Thomas Bäcker;Ute Lübbe;Peter Vogel;Änne Jäger;Götz Strauß;Heike Höfer",
        "München;Köln;Düsseldorf;Nürnberg;Lübeck;Göttingen;Würzburg;Tübingen;Zürich;Österreich;Berlin;Münster;Fürth;Gießen",
        "Käse;Brötchen;Äpfel;Schlüssel;Türgriff;Kühlschrank;Gemüse;Weißwein;Bücher;Möbel;Öl;Fußball;Größe M;Stühle",
        "cp1252 iso-8859-1 cp850",
    ),
    "Polish": Language(
        "numer;imię;miejscowość;opis;wartość;data płatności",
        "Łukasz Wójcik;Małgorzata Dąbrowska;Paweł Wiśniewski;Żaneta Król;Stanisław Zieliński;Michał Woźniak;"
        "Grażyna Jabłońska;Rafał Mazur;Bożena Pająk;Józef Gałązka;Elżbieta Sikora;Świętosława Bąk;Zdzisław Ćwik",
        "Łódź;Kraków;Gdańsk;Poznań;Wrocław;Białystok;Częstochowa;Rzeszów;Toruń;Bielsko-Biała;Zamość;Słupsk;Świdnica",
        "śmietana;masło;ogórki;żółty ser;jabłka;chleb żytni;mąka pszenna;książka;ręcznik;krzesło;gruszka;mięso;źródło",
        "cp1250 iso-8859-2 cp852",
    ),
    "Czech": Language(
        "číslo;jméno;město;popis;částka;splatnost",
        "Jiří Novák;Tomáš Dvořák;Lucie Černá;Zdeněk Procházka;Kateřina Veselá;Ondřej Němec;Petr Svoboda;Růžena Králová;"
        "Václav Šťastný;Božena Kučerová;Alena Marešová;Miloš Ježek;Šárka Bílá;Matěj Říha",
        "Plzeň;České Budějovice;Ústí nad Labem;Hradec Králové;Třebíč;Zlín;Kroměříž;Děčín;Praha;Přerov;Jihlava;Tábor",
        "mléko;rohlík;máslo;sýr;rajče;kuře;šunka;čokoláda;žárovka;křeslo;stůl;hřebík;kniha;dveře;ručník",
        "cp1250 iso-8859-2 cp852",
    ),
    "Hungarian": Language(
        "sorszám;név;város;megnevezés;ár;határidő",
        "Szűcs Gergő;Nagy László;Kovács Ágnes;Tóth Erzsébet;Kőszegi Ödön;Horváth István;Varga Zsófia;Győri Márton;"
        "Fekete Péter;Erdős Anikó;Bérces Jenő;Szőke Éva;Fűri Károly;Kis János",
        "Győr;Székesfehérvár;Pécs;Debrecen;Hódmezővásárhely;Kecskemét;Gödöllő;Eger;Tatabánya;Fűzfő;Érd;Cegléd;Mezőkövesd;Makó",
        "kenyér;tejföl;sütőtök;fűszer;kávé;zöldség;gyümölcs;szőlő;cipő;törülköző;hűtő;ceruza;könyv;bőrönd",
        "cp1250 iso-8859-2",
    ),
    "Greek": Language(
        "κωδικός;όνομα;πόλη;περιγραφή;τιμή;ημερομηνία",
        "Γιώργος Παπαδόπουλος;Μαρία Νικολάου;Ελένη Γεωργίου;Άννα Δημητρίου;Κώστας Ιωάννου;Σοφία Αντωνίου;Όλγα Κυριάκου;"
        "Νίκος Βασιλείου;Χρήστος Οικονόμου;Έφη Μακρή;Δημήτρης Ραπτής;Ηλίας Καραγιάννης",
        "Αθήνα;Θεσσαλονίκη;Πάτρα;Ηράκλειο;Λάρισα;Βόλος;Ιωάννινα;Χανιά;Ρόδος;Καλαμάτα;Άρτα;Έδεσσα",
        "ψωμί;γάλα;τυρί φέτα;ελαιόλαδο;μέλι;καφές;ζάχαρη;βιβλίο;τραπέζι;καρέκλα;φρούτα;νερό",
        "cp1253 iso-8859-7 cp737",
    ),
    "Turkish": Language(
        "sıra;adı;şehir;açıklama;tutarı;ödeme günü",
        "Ayşe Yılmaz;Mehmet Öztürk;Gülşen Çelik;İbrahim Şahin;Uğur Doğan;Işıl Kılıç;Çağla Koç;Tuğba Aydın;"
        "Barış Güneş;Emre Demir;Özgür Arslan;Şule Erdoğan;Büşra Aktaş",
        "İstanbul;Eskişehir;Diyarbakır;Muğla;Kırşehir;Şanlıurfa;Balıkesir;Çanakkale;Niğde;Iğdır;Aydın;Düzce;Kütahya",
        "süt;peynir çeşidi;yoğurt;çay bardağı;tatlı;şeker;ayakkabı;ekmek;kaşık;yağ;balık;kırmızı biber;gömlek;düğme",
        "cp1254 iso-8859-9 cp857",
    ),
    "Russian": Language(
        "номер;имя;город;описание;цена;дата",
        "Иванов Сергей;Петрова Анна;Смирнов Алексей;Кузнецова Ольга;Попов Дмитрий;Соколова Елена;Лебедев Юрий;"
        "Щербакова Наталья;Журавлёв Пётр;Морозова Эмма;Фёдоров Игорь;Цветков Яков",
        "Москва;Санкт-Петербург;Новосибирск;Екатеринбург;Казань;Нижний Новгород;Челябинск;Самара;Ростов;Уфа;Воронеж",
        "хлеб ржаной;молоко;сыр;чай чёрный;мёд;яблоки;подъёмник;щётка;объектив;книга;стол;фонарь",
        "cp1251 koi8-r cp866 iso-8859-5 mac-cyrillic",
    ),
    "Ukrainian": Language(
        "номер;ім'я;місто;опис;ціна;дата",
        "Шевченко Тарас;Коваленко Оксана;Бондаренко Ігор;Ткаченко Юлія;Кравченко Андрій;Олійник Ганна;Лисенко Євген;"
        "Мельник Софія;Поліщук Марія;Гончар Їжак;Савченко Іван;Петренко Надія",
        "Київ;Харків;Львів;Одеса;Дніпро;Запоріжжя;Вінниця;Чернівці;Їжакевичі;Єнакієве;Рівне;Житомир",
        "хліб;молоко;сир;олія;цукор;яйця;стілець;ліжко;м'ясо;вікно;їжа;сіль",
        "cp1251 koi8-u",
    ),
    "Japanese": Language(
        "番号,氏名,都市,品名,価格,日付",
        "佐藤太郎,鈴木花子,高橋健一,田中美咲,伊藤さくら,渡辺直樹,山本ゆかり,中村翔太,小林恵子,加藤大輔,吉田真由美,山田ひろし",
        "東京都千代田区,大阪市北区,横浜市,名古屋市,札幌市,神戸市,京都市,福岡市博多区,川崎市,さいたま市,広島市,仙台市",
        "コーヒー豆,緑茶,ノート,ボールペン,醤油,お米,チョコレート,自転車,タオル,せんべい,イス,カメラ",
        "shift_jis cp932 euc_jp",
    ),
    "Chinese, simplified": Language(
        "编号,姓名,城市,说明,价格,日期",
        "王伟,李娜,张强,刘洋,陈静,杨帆,赵丽颖,黄晓明,周杰,吴敏,徐志摩,孙悦",
        "北京市,上海市,广州市天河区,深圳市,成都市,武汉市,西安市,杭州市,重庆市,南京市,天津市,苏州市",
        "大米,绿茶,苹果,牛奶,笔记本电脑,自行车,面包,酱油,书籍,手机,椅子,毛巾",
        "gb18030 gbk gb2312",
    ),
    "Chinese, traditional": Language(
        "編號,姓名,城市,說明,價格,日期",
        "陳怡君,林志豪,黃雅婷,張家豪,李淑芬,王建宏,吳佩珊,劉俊傑,蔡美玲,楊宗翰,許雅雯,鄭文彬",
        "臺北市,新北市,桃園市,臺中市,臺南市,高雄市,基隆市,新竹縣,嘉義縣,屏東縣,宜蘭縣,花蓮縣",
        "白米,綠茶,蘋果,牛奶,筆記型電腦,腳踏車,麵包,醬油,書籍,手機,椅子,毛巾",
        "big5 cp950",
    ),
    "Korean": Language(
        "번호,이름,도시,설명,가격,날짜",
        "김민준,이서연,박지훈,최수빈,정우진,강하은,조현우,윤지아,장도윤,임서현,한예준,오지민",
        "서울특별시,부산광역시,대구광역시,인천광역시,광주광역시,대전광역시,울산광역시,수원시,성남시,고양시,용인시,창원시",
        "쌀,녹차,사과,우유,노트북,자전거,빵,간장,책,휴대폰,의자,수건",
        "euc_kr cp949",
    ),
    "Hebrew": Language(
        "מספר,שם,עיר,תיאור,מחיר,תאריך",
        "משה כהן,שרה לוי,דוד מזרחי,רחל פרץ,יוסף ביטון,מרים דהן,אברהם אברהם,חנה פרידמן,יעקב מלכה,אסתר אזולאי",
        "ירושלים,תל אביב,חיפה,באר שבע,נתניה,אשדוד,ראשון לציון,פתח תקווה,חולון,רמת גן",
        "לחם,חלב,גבינה,שמן זית,קפה,סוכר,ספר,שולחן,כיסא,מים",
        "cp1255 iso-8859-8",
    ),
    "Arabic": Language(
        "رقم,الاسم,المدينة,الوصف,السعر,التاريخ",
        "محمد علي,فاطمة حسن,أحمد إبراهيم,عائشة محمود,خالد عبد الله,مريم يوسف,عمر سعيد,زينب مصطفى,ياسر كمال,نورة سالم",
        "القاهرة,الرياض,بغداد,دمشق,الدار البيضاء,بيروت,عمان,تونس,الجزائر,الكويت",
        "خبز,حليب,جبن,زيت الزيتون,قهوة,سكر,كتاب,طاولة,كرسي,ماء",
        "cp1256 iso-8859-6",
    ),
}


def encoded_file(language: str, encoding: str, seed: int = 0, rows: int = ROWS) -> EncodedFile:
    """Return a table with names, towns, goods, prices and dates in a language, the same one for a seed."""
    words = LANGUAGES[language]
    delimiter = ";" if ";" in words.header else ","
    rng = random.Random(f"{language} {seed}")
    names, towns, goods = (each.split(delimiter) for each in (words.names, words.towns, words.goods))
    lines = [words.header]
    for number in range(1, rows + 1):
        price = f"{rng.randint(1, 999)}.{rng.randint(0, 99):02}".replace(".", "," if delimiter == ";" else ".")
        date = f"2024-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        lines.append(
            delimiter.join([str(number), rng.choice(names), rng.choice(towns), rng.choice(goods), price, date])
        )
    return EncodedFile(language, encoding, "\r\n".join(lines) + "\r\n")


def encoded_files(seed: int = 0, rows: int = ROWS) -> list[EncodedFile]:
    """Return a file in each language and each of its encodings."""
    return [
        encoded_file(language, encoding, seed, rows)
        for language, words in LANGUAGES.items()
        for encoding in words.encodings.split()
    ]
